"""Is a table that differs from the contract refused, naming the column?"""

import pyarrow as pa
import pytest

from evidence.schemas import AGG, HITS, SchemaDrift, check
from tests.evidence.builders import agg_table, hits_table

TABLES = [(hits_table([{}]), HITS), (agg_table([{}]), AGG)]


@pytest.mark.parametrize(("table", "schema"), TABLES, ids=["hits", "agg"])
def test_a_table_of_the_contract_is_accepted(table: pa.Table, schema: pa.Schema) -> None:
    check(table, schema, "here")


@pytest.mark.parametrize(("table", "schema"), TABLES, ids=["hits", "agg"])
def test_every_column_is_missed(table: pa.Table, schema: pa.Schema) -> None:
    for name in schema.names:
        with pytest.raises(SchemaDrift, match=f"^here: column {name} is missing; the contract is evidence/schemas.py$"):
            check(table.drop_columns([name]), schema, "here")


@pytest.mark.parametrize(("table", "schema"), TABLES, ids=["hits", "agg"])
def test_every_column_has_its_type(table: pa.Table, schema: pa.Schema) -> None:
    for i, name in enumerate(schema.names):
        with pytest.raises(SchemaDrift, match=f"^here: column {name} is binary, but should be "):
            check(table.set_column(i, name, pa.array([b""])), schema, "here")


@pytest.mark.parametrize(("table", "schema"), TABLES, ids=["hits", "agg"])
def test_a_new_column_is_refused(table: pa.Table, schema: pa.Schema) -> None:
    with pytest.raises(SchemaDrift, match=r"^here: column host is not in the contract \(evidence/schemas.py\)$"):
        check(table.append_column("host", pa.array(["x"])), schema, "here")
