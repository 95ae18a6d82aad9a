"""The columns of the two evidence files. A table that differs is refused, naming the column."""

import pyarrow as pa

TEXT = pa.dictionary(pa.int32(), pa.string())  # of words that stand in many rows

HITS = pa.schema(
    [
        ("run_id", TEXT),
        ("system", TEXT),
        ("config_hash", TEXT),
        ("hero", TEXT),
        ("step", pa.int16()),
        ("window", pa.int16()),
        ("suite", TEXT),
        ("intent", TEXT),
        ("query_ord", pa.int32()),
        ("query_id", TEXT),
        ("rank", pa.int16()),
        ("doc_ord", pa.int32()),
        ("doc_id", TEXT),
        ("file", TEXT),
        ("line_start", pa.int32()),
        ("line_end", pa.int32()),
        ("score", pa.float32()),
        ("grade", pa.int32()),
        ("credit", TEXT),
        ("why", TEXT),
    ]
)
"""One row per hit of the pairs. Sorted by system, query_ord, rank. `doc_ord` is the collection's document at that
place, -1 where the collection has none there (a stale index)."""

AGG = pa.schema(
    [
        ("run_id", TEXT),
        ("system", TEXT),  # pack name of the arm
        ("config_hash", TEXT),
        ("hero", TEXT),
        ("stream", TEXT),  # "pair"; "aa": the baseline's second answer; "preflight"
        ("step", pa.int16()),  # percent; 0 in preflight
        ("window", pa.int16()),  # 1, 2, ... over the whole canary; 0 in preflight
        ("suite", TEXT),
        ("intent", TEXT),
        ("query_ord", pa.int32()),
        ("query_id", pa.string()),
        ("arm_served", TEXT),  # "hero", "baseline": whose answer the user would see
        ("latency_ms", pa.float64()),
        ("cpu_ms", pa.float64()),
        ("wait_ms", pa.float64()),  # in which its threads waited for a processor; latency_ms where unknown
        ("server_ms", pa.float64()),  # how long it took by its own word, NaN where it says nothing
        ("calibrator_ns", pa.int64()),
        ("within_sla", pa.bool_()),
        ("n_relevant", pa.int32()),
        ("ideal_dcg_at_10", pa.float64()),
        ("ndcg_at_10", pa.float64()),
        ("recall_at_50", pa.float64()),  # whatever the clock says
        ("sla_recall_at_50", pa.float64()),
        ("rr_at_10", pa.float64()),
        ("success_at_10", pa.float64()),
        ("confidence", pa.float64()),
        ("correct", pa.bool_()),  # the first hit is relevant
        ("file_credit", pa.float64()),  # share of this answer's credited hits that only overlap the judged lines
        ("n_credited", pa.int32()),
        ("total_hits", pa.int32()),
        ("router_decision", TEXT),
        ("spend_ms", pa.float64()),
        ("error_code", TEXT),
        ("pair_ord", pa.int32()),  # position in the release's query order: what the gate saw when
    ]
)
"""One row per query and answer. hits + agg and the constants of attestation.json suffice to recompute every verdict."""


#: Begins the name of a column that a policy's own checks read: numbers, beside those of AGG.
OWN = "own:"


class SchemaDrift(Exception):
    """A table does not have the columns that the contract names."""


def check(table: pa.Table, schema: pa.Schema, where: str) -> None:
    """Raise SchemaDrift naming the first column that is missing, new, or of another type."""
    names = table.schema.names
    for field in schema:
        if field.name not in names:
            raise SchemaDrift(f"{where}: column {field.name} is missing; the contract is evidence/schemas.py")
        found = table.schema.field(field.name).type
        if found != field.type:
            raise SchemaDrift(f"{where}: column {field.name} is {found}, but should be {field.type}")
    own = [name for name in names if schema is AGG and name.startswith(OWN)]
    for name in own:
        if table.schema.field(name).type != pa.float64():
            raise SchemaDrift(f"{where}: column {name} is {table.schema.field(name).type}, but should be double")
    extra = [name for name in names if name not in (*schema.names, *own)]
    if extra:
        raise SchemaDrift(f"{where}: column {extra[0]} is not in the contract (evidence/schemas.py)")
