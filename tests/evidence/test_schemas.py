"""Is a table that differs from the contract refused, naming the column?"""

import pyarrow as pa
import pytest

from evidence.schemas import AGG, HITS, SchemaDrift, check
from tests.evidence.builders import agg_table, hits_table


@pytest.mark.parametrize(("table", "schema"), [(hits_table([{}]), HITS), (agg_table([{}]), AGG)], ids=["hits", "agg"])
def test_a_table_keeps_its_contract_or_the_column_is_named(table: pa.Table, schema: pa.Schema) -> None:
    check(table, schema, "here")
    for i, name in enumerate(schema.names):
        with pytest.raises(SchemaDrift, match=f"^here: column {name} is missing; the contract is evidence/schemas.py$"):
            check(table.drop_columns([name]), schema, "here")
        with pytest.raises(SchemaDrift, match=f"^here: column {name} is binary, but should be "):
            check(table.set_column(i, name, pa.array([b""])), schema, "here")
    with pytest.raises(SchemaDrift, match=r"^here: column host is not in the contract \(evidence/schemas.py\)$"):
        check(table.append_column("host", pa.array(["x"])), schema, "here")
