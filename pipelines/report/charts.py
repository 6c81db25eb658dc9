"""Pictures of the report: SVG written by hand, sized to be read on a phone, with every label escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, isfinite, log10

from markupsafe import Markup, escape

COLOURS = {
    "prospect": "#94a3b8",
    "new": "#5b9bd5",
    "growth": "#3aa17e",
    "mature": "#1f6f64",
    "decline": "#e0a03a",
    "churned": "#a3928c",
    "unknown": "#cbd5e1",
}
ACCENT = "#1f6f64"
SECOND = "#e0a03a"
_WIDTH = 520


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar or a bar: what it is, how large, its colour and the label shown."""

    name: str
    size: float
    colour: str
    label: str = ""


def _svg(height: float, body: Sequence[str], title: str, width: float = _WIDTH) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" preserveAspectRatio="xMidYMid meet">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def shares(rows: Sequence[tuple[str, Sequence[Part]]], title: str) -> Markup:
    """Return one bar a row, each filled by its parts in proportion: composition side by side."""
    body: list[str] = []
    y = 4.0
    for label, parts in rows:
        total = sum(part.size for part in parts)
        body.append(_text(0, y + 13, label, kind="label"))
        y += 20
        x = 0.0
        for part in parts:
            width = _WIDTH * part.size / total if total > 0 else 0.0
            if width <= 0:
                continue
            tip = escape(f"{part.name}: {part.label}")
            place = f'x="{x:.2f}" y="{y:g}" width="{max(width - 1, 0.5):.2f}" height="26"'
            body.append(f'<rect {place} fill="{part.colour}" rx="2"><title>{tip}</title></rect>')
            if width > 46:
                body.append(
                    _text(x + width / 2, y + 18, f"{100 * part.size / total:.0f} %", anchor="middle", kind="on")
                )
            x += width
        y += 40
    return _svg(y - 8, body, title)


def bars(parts: Sequence[Part], title: str, *, label_width: float = 150) -> Markup:
    """Return horizontal bars from zero, one a part, with its label at the end; negative ones go to the left."""
    low = min([0.0, *(part.size for part in parts)])
    high = max([0.0, *(part.size for part in parts)])
    span = (high - low) or 1.0
    room = _WIDTH - label_width - 116
    zero = label_width + room * -low / span
    body: list[str] = []
    for row, part in enumerate(parts):
        y = 4 + row * 32
        length = room * abs(part.size) / span
        x = zero if part.size >= 0 else zero - length
        body.append(_text(label_width - 10, y + 17, part.name, anchor="end"))
        body.append(f'<rect x="{x:.1f}" y="{y}" width="{max(length, 1):.1f}" height="24" rx="2" fill="{part.colour}"/>')
        body.append(_text(zero + max(part.size, 0) * room / span + 8, y + 17, part.label, kind="value"))
    return _svg(8 + 32 * len(parts), body, title)


def flow(
    moves: Sequence[tuple[str, str, float]],
    names: dict[str, str],
    order: Sequence[str],
    count: dict[str, str],
    title: str,
) -> Markup:
    """Return ribbons from the stages that customers left (left) to those they came to (right); who stayed is not drawn.

    Parameters
    ----------
    moves : Sequence[tuple[str, str, float]]
        (from, to, customers), movers only.
    names : dict[str, str]
        stage -> shown name; count: "from stage>to stage" and "stage" -> shown number.
    """
    total = sum(size for _, _, size in moves)
    if total <= 0:
        return Markup("")
    gap, top, unit, width = 16.0, 6.0, 300.0, 640.0
    left = {stage: sum(size for origin, _, size in moves if origin == stage) for stage in order}
    right = {stage: sum(size for _, goal, size in moves if goal == stage) for stage in order}
    places: dict[tuple[str, str], float] = {}
    body: list[str] = []
    bottom = 0.0
    for side, sizes, x in (("from", left, 168.0), ("to", right, width - 180.0)):
        y = top
        for stage in order:
            if sizes[stage] <= 0:
                continue
            height = max(unit * sizes[stage] / total, 2.0)
            places[side, stage] = y
            body.append(
                f'<rect x="{x:g}" y="{y:.1f}" width="12" height="{height:.1f}" rx="2" fill="{COLOURS[stage]}"/>'
            )
            anchor, at = ("end", x - 8) if side == "from" else ("start", x + 20)
            text = f"{names[stage]} {count[f'{side}:{stage}']}"
            body.append(_text(at, y + height / 2 + 5, text, anchor=anchor))
            y += max(height, 14.0) + gap
        bottom = max(bottom, y)
    ribbons: list[str] = []
    used = dict(places)
    for origin in order:
        for goal in order:
            size = sum(number for start, end, number in moves if (start, end) == (origin, goal))
            if size <= 0:
                continue
            height = unit * size / total
            y0, y1 = used["from", origin], used["to", goal]
            used["from", origin] += height
            used["to", goal] += height
            x0, x1 = 180.0, width - 180.0
            middle = (x0 + x1) / 2
            tip = escape(f"{names[origin]} → {names[goal]}: {count[f'{origin}>{goal}']}")
            ribbons.append(
                f'<path d="M{x0:g} {y0:.1f} C{middle:g} {y0:.1f} {middle:g} {y1:.1f} {x1:g} {y1:.1f} '
                f"L{x1:g} {y1 + height:.1f} C{middle:g} {y1 + height:.1f} {middle:g} {y0 + height:.1f} "
                f'{x0:g} {y0 + height:.1f} Z" fill="{COLOURS[origin]}" opacity="0.45"><title>{tip}</title></path>'
            )
    return _svg(bottom, [*ribbons, *body], title, width)


def lines(
    dates: Sequence[date],
    series: Sequence[tuple[str, Sequence[float], str]],
    title: str,
    *,
    percent: bool,
    width: float = _WIDTH,
    height: float = 210,
    from_zero: bool = False,
) -> Markup:
    """Return one line a series over dates; NaN breaks the line."""
    values = [value for _, points, _ in series for value in points if isfinite(value)]
    if not values or len(dates) < 2:
        return Markup("")
    low, high = min(values), max(values)
    if from_zero or low < 0.15 * high:
        low = min(0.0, low)
    counted = not percent and all(value == round(value) for value in values)
    ticks = _ticks(low, high, least=1.0 if counted else 0.0)
    digits = max(0, -floor(log10(100 * (ticks[1] - ticks[0])) + 1e-9))
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    left, right, top, bottom = 52.0, 12.0, 10.0, 28.0
    first, last = dates[0].toordinal(), dates[-1].toordinal()

    def x_of(day: date) -> float:
        return left + (width - left - right) * (day.toordinal() - first) / max(last - first, 1)

    def y_of(value: float) -> float:
        return top + (height - top - bottom) * (1 - (value - low) / ((high - low) or 1.0))

    body = []
    for tick in ticks:
        y = y_of(tick)
        body.append(f'<line x1="{left:g}" x2="{width - right:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        body.append(
            _text(left - 8, y + 5, f"{100 * tick:.{digits}f} %" if percent else _short(tick), anchor="end", kind="tick")
        )
    marks = {0, len(dates) - 1} | ({len(dates) // 2} if width >= _WIDTH else set())
    for position in sorted(marks):
        anchor = "start" if position == 0 else "end" if position == len(dates) - 1 else "middle"
        body.append(_text(x_of(dates[position]), height - 8, dates[position].isoformat(), anchor=anchor, kind="tick"))
    for name, points, colour in series:
        drawing, pen = "", "M"
        ends: tuple[float, float] | None = None
        for day, value in zip(dates, points, strict=True):
            if not isfinite(value):
                pen = "M"
                continue
            ends = (x_of(day), y_of(value))
            drawing += f"{pen}{ends[0]:.1f} {ends[1]:.1f} "
            pen = "L"
        if ends is not None:
            body.append(
                f'<path d="{drawing}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round">'
            )
            body.append(f"<title>{escape(name)}</title></path>")
            body.append(f'<circle cx="{ends[0]:.1f}" cy="{ends[1]:.1f}" r="4" fill="{colour}"/>')
    return _svg(height, body, title, width)


def band(middle: Sequence[float], low: Sequence[float], high: Sequence[float], title: str) -> Markup:
    """Return a curve over equal steps from 0 to 100 % with the band around it and a line at 0."""
    left, right, top, bottom, height = 60.0, 12.0, 10.0, 28.0, 210.0
    ticks = _ticks(min(0.0, *low), max(0.0, *high))
    least, most = min(*low, ticks[0]), max(*high, ticks[-1])
    digits = max(0, -floor(log10(ticks[1] - ticks[0]) + 1e-9))

    def point(position: int, value: float) -> str:
        x = left + (_WIDTH - left - right) * (position + 1) / len(middle)
        return f"{x:.1f} {top + (height - top - bottom) * (most - value) / ((most - least) or 1.0):.1f}"

    body = []
    for tick in ticks:
        y = float(point(0, tick).split()[1])
        body.append(f'<line x1="{left:g}" x2="{_WIDTH - right:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        body.append(_text(left - 8, y + 5, f"{tick:.{digits}f}", anchor="end", kind="tick"))
    around = [point(i, value) for i, value in enumerate(high)] + [
        point(i, value) for i, value in reversed(list(enumerate(low)))
    ]
    body.append(f'<path d="M{" L".join(around)} Z" fill="{ACCENT}" opacity="0.2"/>')
    curve = " L".join(point(i, value) for i, value in enumerate(middle))
    body.append(f'<path d="M{curve}" fill="none" stroke="{ACCENT}" stroke-width="2.5" stroke-linejoin="round"/>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = left + (_WIDTH - left - right) * share
        body.append(_text(x, height - 8, f"{share:.0%}", anchor=anchor, kind="tick"))
    return _svg(height, body, title)


def calibration(points: Sequence[tuple[float, float, float]], title: str, x_label: str, y_label: str) -> Markup:
    """Return (predicted, observed, customers) points around the diagonal; the area of a point is its customers."""
    most = max((size for _, _, size in points), default=1.0)
    left, top, side = 78.0, 12.0, 320.0
    body = [
        f'<rect x="{left:g}" y="{top:g}" width="{side:g}" height="{side:g}" class="frame"/>',
        f'<line x1="{left:g}" y1="{top + side:g}" x2="{left + side:g}" y2="{top:g}" class="diagonal"/>',
    ]
    for step in range(5):
        at = step / 4
        body.append(_text(left + side * at, top + side + 20, f"{100 * at:.0f} %", anchor="middle", kind="tick"))
        body.append(_text(left - 8, top + side * (1 - at) + 5, f"{100 * at:.0f} %", anchor="end", kind="tick"))
    for predicted, observed, size in points:
        if not (isfinite(predicted) and isfinite(observed)):
            continue
        x, y = left + side * predicted, top + side * (1 - observed)
        radius = 3 + 7 * (size / most) ** 0.5
        body.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{ACCENT}" opacity="0.8">'
            f"<title>{100 * predicted:.1f} % / {100 * observed:.1f} % ({size:,.0f})</title></circle>"
        )
    body.append(_text(left + side / 2, top + side + 44, x_label, anchor="middle", kind="label"))
    body.append(
        f'<text transform="translate(14 {top + side / 2:g}) rotate(-90)" text-anchor="middle" class="label">'
        f"{escape(y_label)}</text>"
    )
    return _svg(top + side + 54, body, title, left + side + 24)


def _ticks(low: float, high: float, *, least: float = 0.0) -> list[float]:
    """Return about four round numbers that cover [low, high], two at least, and `least` apart at least.

    >>> _ticks(0.0, 0.47), _ticks(0.0, 0.0), _ticks(4.0, 5.0, least=1.0)
    ([0.0, 0.2, 0.4, 0.6], [0.0, 0.5], [4.0, 5.0])
    """
    span = (high - low) or abs(high) or 1.0
    step = 10 ** floor(log10(span / 3))
    step = max(least, step * next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 4))
    first = floor(low / step + 1e-9)
    last = max(ceil(high / step - 1e-9), first + 1)
    return [round(step * k, 12) for k in range(first, last + 1)]


def _short(value: float) -> str:
    for unit, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
