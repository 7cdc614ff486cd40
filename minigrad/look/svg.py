"""The graph as an SVG picture, for print and for places where no script runs."""

from html import escape

from .folding import FOLDED, Folding

STYLE = """
rect { fill: #ffffff; stroke: #5b6576; }
.paper { stroke: none; }
.box { fill: #eef2f8; stroke: #aab4c2; }
.constant { stroke-dasharray: 2 3; } .again { stroke-dasharray: 5 3; }
path { fill: none; stroke: #7d8999; stroke-width: 1.3; marker-end: url(#arrow); }
marker path { fill: #7d8999; stroke: none; marker: none; }
text { font: 12px system-ui, sans-serif; fill: #1c2330; }
.small { font-size: 11px; fill: #5b6576; }
"""

RECTANGLE = (
    '<rect class="{}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{}"/>'
)
ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
)


def svg(data: dict, title: str) -> str:
    """The picture of the page's data: operations, values, and shapes on the edges.

    The boxes of a large graph are folded as they are when its page opens.
    """
    picture = _Picture(data)
    width, height = data["layout"]["width"], picture.view.place(data["layout"]["height"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{ARROW}\n"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n'
        + "\n".join(picture.parts())
        + "\n</svg>\n"
    )


class _Picture:
    def __init__(self, data):
        self.data, self.plan, self.values = data, data["layout"], data["values"]
        self.view = Folding(data, data["folded"] if data["large"] else [])

    def parts(self):
        shown = [b for b in range(len(self.data["boxes"])) if b not in self.view.hidden]
        yield from (self._box(b) for b in shown if b not in self.view.folded)
        yield from (self._edge(edge) for edge in self.view.edges())
        yield from (self._fold(b) for b in self.view.folds)
        for i, operation in enumerate(self.data["operations"]):
            if i not in self.view.fold_of:
                yield self._operation(i, self.values[operation["output"]])
        for card in self.plan["cards"]:
            if card["operation"] not in self.view.fold_of:
                value = self.values[card["value"]]
                kind = "again" if card["again"] else value["kind"]
                yield self._card(kind, card["y"], card["name"], value["shape"])

    def _moved(self, place):
        """A rectangle of the unfolded layout at its place."""
        top, bottom = place["y"], place["y"] + place["height"]
        y = self.view.place(top)
        return place | {"y": y, "height": self.view.place(bottom) - y}

    def _box(self, b):
        place = self._moved(self.plan["boxes"][b])
        title = _text(place["x"] + 8, place["y"] + 16, self.data["boxes"][b]["title"], "small")
        return _rectangle("box", place, 6) + title

    def _fold(self, b):
        """A folded box, and a card for its leaves."""
        place, box = self._moved(self.plan["boxes"][b]), self.data["boxes"][b]
        x, y, letters = place["x"], place["y"], int(place["width"] / 6.5)
        title = box["title"] if len(box["title"]) <= letters else f"{box['title'][:letters]}…"
        count = box["last"] - box["first"] + 1
        text = _text(x + 9, y + 36, f"{count:,} operation{'s' * (count > 1)}", "small")
        drawn = _rectangle("fold", place, 5) + _text(x + 9, y + 20, title) + text
        if not box["leaves"]:
            return drawn
        at, card = self.plan["boxes"][b], self.plan["card"]
        line = f'<path d="M{card["x"] + card["width"]:g} {y + FOLDED / 2:g}H{x:g}"/>'
        shape = self.values[box["leaves"][0]]["shape"] if len(box["leaves"]) == 1 else ""
        return drawn + line + self._card("leaf", at["y"], at["leaves"], shape)

    def _operation(self, i, value):
        place = self._moved(self.plan["operation"] | self.plan["operations"][i])
        x, y = place["x"] + 9, place["y"] + 18
        frame = _rectangle("operation", place, 5)
        return frame + _text(x, y, value["name"]) + _text(x, y + 16, value["shape"], "small")

    def _card(self, kind, y, name, below):
        place = self.plan["card"] | {"y": self.view.place(y)}
        x, y = place["x"] + 14, place["y"] + 16
        return (
            _rectangle(kind, place, 18) + _text(x, y, name) + _text(x, y + 15, below, "small")
        )

    def _edge(self, edge):
        x1, y1, x2, y2 = (
            edge["x1"],
            self.view.place(edge["y1"]),
            edge["x2"],
            self.view.place(edge["y2"]),
        )
        if edge["side"] == "top":
            path, label = f"M{x1:g} {y1:g}V{y2:g}", (x2 + 6, y1 + 17, "start")
        else:
            path = f"M{x1:g} {y1:g}H{edge['lane']:g}V{y2:g}H{x2:g}"
            right = edge["side"] == "right"
            label = (x2 + 10, y2 - 4, "start") if right else (x2 - 10, y2 - 4, "end")
        drawn = f'<path d="{path}"/>'
        if edge["operation"] in self.view.fold_of:
            return drawn
        argument = self.data["operations"][edge["operation"]]["arguments"][edge["argument"]]
        text = f"{argument} {self.values[edge['value']]['shape']}"
        return drawn + _text(*label[:2], text, "small", label[2])


def _rectangle(kind, place, radius):
    return RECTANGLE.format(kind, radius, **place)


def _text(x, y, text, kind="", anchor="start"):
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'
