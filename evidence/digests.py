"""Which evidence is this? Digests of a file's bytes, and of a parquet file's content whatever its encoding."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import regular

MANY = 10_000  # words of a dictionary that Python is too slow to sort


def file_digest(path: Path) -> str:
    """sha256 of the bytes of a file, in hex. Raises OSError, also for what never ends."""
    with regular(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def logical_digest(path: Path) -> str:
    """sha256 over the values of a parquet file, in hex: equal for equal tables however they were encoded.

    Parquet bytes carry the writer's version, compression and row groups; this digest does not. It covers the columns'
    names and types, which values are null, every value, and the order of rows (part of the evidence's contract).
    Columns are hashed by name, one in memory at a time.
    """
    digest = hashlib.sha256()
    file = pq.ParquetFile(path)
    for name in sorted(file.schema_arrow.names):
        column = file.read(columns=[name]).column(0).combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
        for part in _canonical(column):
            digest.update(str(len(part)).encode() + b"\0")
            digest.update(part)
    return digest.hexdigest()


def _canonical(column: Any) -> list[bytes | memoryview]:
    """A column's values as bytes that do not depend on how it is encoded."""
    null = np.asarray(column.is_null())
    parts: list[bytes | memoryview] = [_bytes(np.packbits(null))]
    if pa.types.is_dictionary(column.type):
        # Two writers may list the words of a dictionary in different orders: number the used ones alphabetically.
        codes = np.where(null, -1, column.indices.fill_null(0).to_numpy(zero_copy_only=False)).astype(np.int64)
        used, number = _in_order(column.dictionary, np.unique(codes[codes >= 0]))
        return [*parts, used, _bytes(np.append(number, np.int32(-1))[codes])]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = column.fill_null("").cast(pa.large_string())
        _, offsets, data = text.buffers()
        bounds = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
        letters = memoryview(data)[bounds[0] : bounds[-1]] if data is not None and len(bounds) else memoryview(b"")
        return [*parts, _bytes(np.diff(bounds)), letters]
    if pa.types.is_list(column.type):
        import pyarrow.compute as pc  # a tenth of a second, which a probe of every minute does not have

        sizes = np.asarray(pc.list_value_length(column).fill_null(0)).astype(np.int64)
        return [*parts, _bytes(sizes), *_canonical(column.flatten())]
    values = column.fill_null(False if pa.types.is_boolean(column.type) else 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values + 0)  # one NaN, one zero
    return [*parts, _bytes(values)]


def _in_order(words: Any, used: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The used words of a dictionary, each once, sorted and joined; of each word its number among them, or -1."""
    if len(words) > MANY and pa.types.is_string(words.type):
        import pyarrow.compute as pc  # as below

        ordered = words.take(pa.array(used)).unique()
        ordered = ordered.take(pc.sort_indices(ordered))  # by UTF-8 bytes, which is by code point, as Python sorts
        number = pc.fill_null(pc.index_in(words, value_set=ordered), -1)
        every = pa.ListArray.from_arrays([0, len(ordered)], ordered)
        return pc.binary_join(every, "\0")[0].as_py().encode(), number.to_numpy().astype(np.int32)
    known = words.to_pylist()
    ordered = sorted({known[i] for i in used})
    place = {word: i for i, word in enumerate(ordered)}
    return "\0".join(map(str, ordered)).encode(), np.array([place.get(word, -1) for word in known], dtype=np.int32)


def _bytes(values: np.ndarray) -> memoryview:
    return memoryview(np.ascontiguousarray(values).tobytes())
