"""What may another plugin do to a canary? A plugin: INTRUDER=<hook>:<deed> does the deed when pytest calls the hook.

`finish` and `around_finish` are pytest_sessionfinish, before all other plugins and around them; `item` is the test of
one guard. The deed is done in the controller unless it befalls an item.
"""

import os
import socket
import sys
from collections.abc import Generator

import pytest

HOOK, _, DEED = os.environ["INTRUDER"].partition(":")


def act(hook: str, config: pytest.Config | None = None) -> None:
    """Do the deed where its hook is called."""
    if hook != HOOK or (config is not None and hasattr(config, "workerinput")):
        return
    match DEED:
        case "raises":
            raise RuntimeError("an intruder")
        case "exits":
            sys.exit(0)
        case "asks_for_20":
            pytest.exit("enough", returncode=20)
        case "interrupts":
            raise KeyboardInterrupt
        case "leaves":
            os._exit(0)
        case "leaks":
            socket.socket()


def pytest_configure(config: pytest.Config) -> None:
    act("configure", config)


def pytest_sessionstart(session: pytest.Session) -> None:
    act("start", session.config)


def pytest_runtest_call(item: pytest.Item) -> None:
    if "ndcg_at_10" in item.name:
        act("item")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    act("finish", session.config)
    if HOOK == "finish" and DEED == "says_success":
        session.exitstatus = 0


class Around:
    """As a plugin of its own, for a hook may be implemented once in a module."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        act("around_finish", session.config)
        yield


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(Around(), "around")


def pytest_unconfigure(config: pytest.Config) -> None:
    act("unconfigure", config)
