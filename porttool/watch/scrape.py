"""One page of metrics, fetched and parsed.

The text format is Prometheus' (github.com/prometheus/docs, "Exposition formats"), parsed by its own
client library.
"""

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from prometheus_client.parser import text_string_to_metric_families

from porttool.errors import UserError

#: Far more than any exporter has to say.
_BYTES_MAX = 32 << 20
_CHUNK = 1 << 16

#: Parts of a distribution, which no single line can show.
_LEFT_OUT = ("_bucket", "_created")

Labels = tuple[tuple[str, str], ...]


class ScrapeError(Exception):
    """There is no page of metrics this time; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. ``counter`` tells that only its growth means something."""

    name: str
    labels: Labels
    value: float
    counter: bool

    @property
    def key(self) -> tuple[str, Labels]:
        """What tells it from other samples of a page."""
        return self.name, self.labels


@dataclass(frozen=True, slots=True)
class Page:
    """The samples of one scrape in the order of the page, and the seconds that it took."""

    samples: tuple[Sample, ...]
    seconds: float


def address(text: str) -> str:
    """The URL that a user means: ``127.0.0.1:9100`` is ``http://127.0.0.1:9100/metrics``.

    Raises :class:`UserError` for what is no http or https URL with a host.
    """
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text):
        raise UserError(
            f"{text!r} is no address of an exporter",
            fix="write it as http://127.0.0.1:9100/metrics or 127.0.0.1:9100",
        )
    return urlunsplit(parts if parts.path else parts._replace(path="/metrics"))


def _fetch(url: str, within: float) -> str:
    deadline = time.monotonic() + within
    # No proxy: what is watched is near, and the environment changes no result.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = bytearray()
    try:
        with opener.open(url, timeout=within) as answer:
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if time.monotonic() > deadline:
                    raise ScrapeError(f"no whole page within {within:g} s")
                if len(body) > _BYTES_MAX:
                    raise ScrapeError("the page does not end")
    except urllib.error.HTTPError as error:
        error.close()
        raise ScrapeError(f"it answers {error.code} {error.reason}".rstrip()) from None
    except urllib.error.URLError as error:
        raise ScrapeError(_said(error.reason, within)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ScrapeError(_said(error, within)) from None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ScrapeError("its page is no UTF-8") from None


def _said(error: object, within: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {within:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"no HTTP: {error or type(error).__name__}"


def parse(text: str) -> tuple[Sample, ...]:
    """The samples of a page in the text format. Raises :class:`ScrapeError` when it is none."""
    found = []
    try:
        for family in text_string_to_metric_families(text):
            counts = family.type in ("counter", "histogram", "summary")
            for sample in family.samples:
                if sample.name.endswith(_LEFT_OUT):
                    continue
                quantile = family.type == "summary" and "quantile" in sample.labels
                labels = tuple(sorted(sample.labels.items()))
                found.append(Sample(sample.name, labels, sample.value, counts and not quantile))
    except (ValueError, IndexError, KeyError) as error:
        raise ScrapeError(f"its page is not in the format of Prometheus: {error}") from None
    if not found:
        raise ScrapeError("its page has no samples")
    return tuple(found)


def scrape(url: str, within: float) -> Page:
    """Fetch and parse a page within so many seconds; raises :class:`ScrapeError`."""
    began = time.monotonic()
    samples = parse(_fetch(url, within))
    return Page(samples, time.monotonic() - began)
