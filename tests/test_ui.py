"""Progress is for those who wait at a terminal."""

import io
import time

import pytest
from rich.console import Console

from porttool import ui


@pytest.mark.parametrize(
    ("terminal", "seconds", "shown"), [(True, 0.5, True), (True, 0.0, False), (False, 0.5, False)]
)
def test_progress_is_shown_on_a_terminal_after_a_while(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, seconds: float, shown: bool
) -> None:
    said = io.StringIO()
    console = Console(file=said, force_terminal=terminal, width=80)
    monkeypatch.setattr(ui, "stderr", lambda: console)
    monkeypatch.setattr(ui, "PROGRESS_DELAY", 0.1)
    with ui.progress() as bar:
        bar.add_task("audit", total=2)
        time.sleep(seconds)
    assert ("audit" in said.getvalue()) is shown
    assert shown or not said.getvalue()
