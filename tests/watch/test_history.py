from porttool.watch.history import History, Line
from porttool.watch.scrape import Page, Sample


def page(**values: float) -> Page:
    samples = [
        Sample(name, (("site", "lab"),), value, counter=name.endswith("_total"))
        for name, value in values.items()
    ]
    return Page(tuple(samples), 0.01)


def line(history: History, name: str) -> Line:
    return history.lines[name, (("site", "lab"),)]


def test_gauges_are_values_and_counters_are_rates() -> None:
    history = History()
    history.add(page(free=5, sent_total=10), 0.0)
    history.add(page(free=4, sent_total=30), 2.0)
    assert list(line(history, "free").points) == [5, 4]
    assert list(line(history, "sent_total").points) == [None, 10]


def test_a_restart_is_no_negative_rate() -> None:
    history = History()
    for at, value in enumerate((100, 110, 3, 5)):
        history.add(page(sent_total=value), float(at))
    assert list(line(history, "sent_total").points) == [None, 10, None, 2]
    assert history.restarts == 1


def test_a_lost_exporter_leaves_a_gap_and_comes_back() -> None:
    history = History()
    history.add(page(free=5, sent_total=10), 0.0)
    history.lose("connection refused", 1.0)
    history.lose("no answer", 2.0)
    assert (history.trouble, history.since, history.failed) == ("no answer", 1.0, 2)
    history.add(page(free=6, sent_total=40), 3.0)
    assert history.trouble is None
    assert list(line(history, "free").points) == [5, None, None, 6]
    assert list(line(history, "sent_total").points) == [None, None, None, 10]


def test_samples_that_come_and_go_keep_their_place_in_time() -> None:
    history = History()
    history.add(page(a=1), 0.0)
    history.add(page(a=1, b=2), 1.0)
    history.add(page(b=3), 2.0)
    assert list(line(history, "a").points) == [1, 1, None]
    assert list(line(history, "b").points) == [None, 2, 3]


def test_what_is_idle_and_what_is_steady() -> None:
    history = History()
    for at in range(3):
        history.add(page(zero=0, same=7, errors_total=0, sent_total=5 * at), float(at))
    assert [line.name for line in history.lines.values() if line.idle] == ["zero", "errors_total"]
    assert [line.name for line in history.lines.values() if line.steady] == [
        "zero",
        "same",
        "errors_total",
    ]


def test_labels_of_all_samples_are_common() -> None:
    history = History()
    history.add(page(a=1, b=2), 0.0)
    assert history.common == (("site", "lab"),)
