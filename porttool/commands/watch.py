"""``porttool watch``: a live view of an exporter, for those who have no Prometheus at hand."""

import time

from porttool import ui
from porttool.errors import ExitCode, UserError
from porttool.watch import scrape, view
from porttool.watch.history import History
from porttool.watch.scrape import Page, ScrapeError


def watch(
    text: str,
    *,
    interval: float,
    once: bool = False,
    everything: bool = False,
    as_json: bool = False,
) -> ExitCode:
    """Show what the exporter at the address ``text`` says, every ``interval`` seconds until ^C.

    Off a terminal, with ``once`` or as JSON, one page as it is. Raises :class:`UserError` when that
    one page cannot be had; a live view waits for it.
    """
    url = scrape.address(text)
    if once or as_json or not ui.stdout().is_terminal:
        return _once(url, everything=everything, as_json=as_json, within=max(interval, 5.0))
    try:
        _live(url, interval, everything=everything)
    except KeyboardInterrupt:
        ui.note("ended")
    return ExitCode.OK


def _once(url: str, *, everything: bool, as_json: bool, within: float) -> ExitCode:
    try:
        page = scrape.scrape(url, within)
    except ScrapeError as error:
        raise UserError(
            "there are no metrics",
            where=url,
            why=str(error),
            fix="porttool boot or porttool run serves some",
        ) from None
    if as_json:
        ui.show_json(_document(url, page))
        return ExitCode.OK
    history = History()
    history.add(page, 0.0)
    look = view.look(ui.stdout(), everything=everything, total=True)
    ui.show(view.draw(history, url, 0.0, look))
    return ExitCode.OK


def _document(url: str, page: Page) -> dict[str, object]:
    return {
        "schema": 1,
        "url": url,
        "samples": [
            {
                "name": sample.name,
                "labels": dict(sample.labels),
                "group": view.group_of(sample.name)[0],
                "counter": sample.counter,
                "value": sample.value,
            }
            for sample in page.samples
        ],
    }


def _live(url: str, interval: float, *, everything: bool) -> None:
    from rich.live import Live

    history = History()
    console = ui.stdout()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            try:
                history.add(scrape.scrape(url, max(1.0, interval)), time.monotonic())
            except ScrapeError as error:
                history.lose(str(error), time.monotonic())
            look = view.look(console, everything=everything)
            live.update(view.draw(history, url, time.monotonic(), look), refresh=True)
            time.sleep(max(0.0, began + interval - time.monotonic()))
