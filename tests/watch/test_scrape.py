import socket

import pytest

from porttool.errors import UserError
from porttool.watch.scrape import Sample, ScrapeError, address, parse, scrape
from tests.watch.serving import Answer, serving


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:9100", "http://127.0.0.1:9100/metrics"),
        ("localhost", "http://localhost/metrics"),
        ("http://h:1/stats?x=1", "http://h:1/stats?x=1"),
        ("https://h", "https://h/metrics"),
        ("[::1]:9100", "http://[::1]:9100/metrics"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert address(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://h", "http://", "h:port", "a b", "h:99999", "file:///x"]
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UserError, match="no address of an exporter"):
        address(text)


def test_samples_come_in_order_with_their_kind() -> None:
    with serving(Answer()) as url:
        page = scrape(url, 5)
    assert [sample.name for sample in page.samples][:2] == [
        "node_memory_MemFree_bytes",
        "node_network_receive_bytes_total",
    ]
    labels = (("device", "netdev0"), ("site", "lab"))
    assert page.samples[1] == Sample(
        "node_network_receive_bytes_total", labels, 1048576.0, counter=True
    )
    assert not page.samples[0].counter


def test_a_histogram_is_its_sum_and_count() -> None:
    found = parse(
        '# TYPE t histogram\nt_bucket{le="1"} 1\nt_bucket{le="+Inf"} 2\nt_sum 3\nt_count 2\n'
        '# TYPE q summary\nq{quantile="0.5"} 4\nq_sum 5\nq_count 6\n'
    )
    kinds = {(sample.name, sample.counter) for sample in found}
    assert kinds == {
        ("t_sum", True), ("t_count", True), ("q", False), ("q_sum", True), ("q_count", True)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=503), "it answers 503 Service Unavailable"),
        (Answer(body=b"<html>hello</html>\n"), "not in the format of Prometheus"),
        (Answer(body=b"\xff\xfe\x00\n"), "no UTF-8"),
        (Answer(body=b""), "no samples"),
        (Answer(body=b"# TYPE a gauge\n"), "no samples"),
        (Answer(wait=3), "no answer within 0.5 s"),
        (Answer(drip=0.2), "no whole page within 0.5 s"),
    ],
)
def test_what_is_no_page_is_said(answer: Answer, why: str) -> None:
    with serving(answer) as url, pytest.raises(ScrapeError) as caught:
        scrape(url, 0.5)
    assert why in str(caught.value)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ScrapeError, match="connection refused"):
            scrape(f"http://127.0.0.1:{taken.getsockname()[1]}/metrics", 1)


def test_something_that_does_not_speak_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/metrics"
        import threading

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ScrapeError, match="no HTTP"):
            scrape(url, 2)
        thread.join()


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(Answer()) as url:
        assert scrape(url, 5).samples
