"""Which evidence is this? Digests of a file's bytes, and of a parquet file's content whatever its encoding."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import regular


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
        words = column.dictionary.to_pylist()
        used = sorted({words[i] for i in np.unique(codes[codes >= 0])})
        place = {word: i for i, word in enumerate(used)}
        number = np.array([place.get(word, -1) for word in words] + [-1], dtype=np.int32)
        return [*parts, "\0".join(map(str, used)).encode(), _bytes(number[codes])]
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


def _bytes(values: np.ndarray) -> memoryview:
    return memoryview(np.ascontiguousarray(values).tobytes())
