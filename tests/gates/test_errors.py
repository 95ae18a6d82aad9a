"""Are answers that failed counted by how they failed, in words that say what to look for?"""

import pytest

from gates.errors import failures


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (["ConnectionRefusedError"] * 400, "connection refused for 400 of 400 queries"),
        (["TimeoutError", "", "", ""], "timeout error for 1 of 4 queries"),
        (
            ["KeyError", "malformed_answer", "KeyError"],
            "key error for 2 of 3 queries, malformed answer for 1 of 3 queries",
        ),
        (["HTTPError", ""], "httperror for 1 of 2 queries"),
        (["", ""], ""),
        ([], ""),
    ],
)
def test_each_kind_of_failure_is_counted(codes: list[str], said: str) -> None:
    assert failures(codes) == said
