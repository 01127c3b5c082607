"""What was seen of an exporter over time: values of gauges, rates of counters, gaps."""

from collections import deque
from dataclasses import dataclass, field

from porttool.watch.scrape import Labels, Page, Sample

#: How many scrapes are kept: more than a wide terminal can show.
KEPT = 512


@dataclass(slots=True)
class Line:
    """One sample over time. ``points`` are values or, of a counter, growth per second.

    None stands for a scrape that failed, and for a counter that has no earlier value.
    """

    name: str
    labels: Labels
    counter: bool
    points: deque[float | None] = field(default_factory=lambda: deque(maxlen=KEPT))
    last: float = 0.0
    _at: float | None = None

    @property
    def now(self) -> float | None:
        """The newest point."""
        return self.points[-1] if self.points else None

    @property
    def idle(self) -> bool:
        """Whether it has been nothing but 0 so far."""
        return self.last == 0 and not any(self.points)

    @property
    def steady(self) -> bool:
        """Whether it has not moved so far."""
        known = {point for point in self.points if point is not None}
        return not any(known) if self.counter else len(known) <= 1

    def see(self, value: float, at: float) -> bool:
        """Take in a value; gives whether a counter went back, as after a restart."""
        back = self.counter and self._at is not None and value < self.last
        if not self.counter:
            self.points.append(value)
        elif self._at is None or back or at <= self._at:
            self.points.append(None)
        else:
            self.points.append((value - self.last) / (at - self._at))
        self.last, self._at = value, at
        return back

    def miss(self) -> None:
        """Leave a gap; a counter begins anew behind it only if it went back."""
        self.points.append(None)


@dataclass(slots=True)
class History:
    """All lines of an exporter in the order of its page. Times in seconds of one clock."""

    lines: dict[tuple[str, Labels], Line] = field(default_factory=dict)
    scrapes: int = 0
    failed: int = 0
    restarts: int = 0
    seconds: float | None = None
    trouble: str | None = None
    since: float | None = None

    def add(self, page: Page, at: float) -> None:
        """Take in a page."""
        self.scrapes += 1
        self.trouble, self.since = None, None
        self.seconds = page.seconds
        went_back = False
        seen = set()
        for sample in page.samples:
            seen.add(sample.key)
            went_back |= self._line(sample).see(sample.value, at)
        for key, line in self.lines.items():
            if key not in seen:
                line.miss()
        self.restarts += went_back

    def _line(self, sample: Sample) -> Line:
        line = self.lines.get(sample.key)
        if line is None:
            line = Line(sample.name, sample.labels, sample.counter)
            behind = self.scrapes + self.failed - 1
            line.points.extend([None] * min(behind, KEPT))
            self.lines[sample.key] = line
        return line

    def lose(self, why: str, at: float) -> None:
        """Take in that there was no page."""
        self.failed += 1
        if self.trouble is None:
            self.since = at
        self.trouble = why
        for line in self.lines.values():
            line.miss()

    @property
    def common(self) -> Labels:
        """The labels that every sample has, such as those that name the instance."""
        lines = list(self.lines.values())
        if len(lines) < 2:
            return ()
        shared = set(lines[0].labels)
        for line in lines:
            shared &= set(line.labels)
        return tuple(sorted(shared))
