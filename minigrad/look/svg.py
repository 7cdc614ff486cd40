"""The graph as an SVG picture, for print and for places where no script runs."""

from html import escape

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
    """The picture of the page's data: operations, values, and shapes on the edges."""
    plan = data["layout"]
    width, height = plan["width"], plan["height"]
    parts = [_box(box, data) for box in plan["boxes"]]
    parts += [_edge(edge, data) for edge in plan["edges"]]
    parts += [_operation(i, data) for i in range(len(data["operations"]))]
    parts += [_card(card, data) for card in plan["cards"]]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{ARROW}\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _rectangle(kind, place, radius):
    return RECTANGLE.format(kind, radius, **place)


def _text(x, y, text, kind="", anchor="start"):
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'


def _box(box, data):
    title = data["calls"][box["call"]]["title"]
    return _rectangle("box", box, 6) + _text(box["x"] + 8, box["y"] + 16, title, "small")


def _operation(i, data):
    place = data["layout"]["operation"] | data["layout"]["operations"][i]
    value = data["values"][data["operations"][i]["output"]]
    x, y = place["x"] + 9, place["y"] + 18
    frame = _rectangle("operation", place, 5)
    return frame + _text(x, y, value["name"]) + _text(x, y + 16, value["shape"], "small")


def _card(card, data):
    place, value = data["layout"]["card"] | {"y": card["y"]}, data["values"][card["value"]]
    x, y = place["x"] + 14, place["y"] + 16
    frame = _rectangle("again" if card["again"] else value["kind"], place, 18)
    return frame + _text(x, y, card["name"]) + _text(x, y + 15, value["shape"], "small")


def _edge(edge, data):
    x, y = edge["x2"], edge["y2"]
    if edge["side"] == "top":
        path, label = f"M{edge['x1']:g} {edge['y1']:g}V{y:g}", (x + 6, edge["y1"] + 17, "start")
    else:
        path = f"M{edge['x1']:g} {edge['y1']:g}H{edge['lane']:g}V{y:g}H{x:g}"
        label = (x - 10, y - 4, "end") if edge["side"] == "left" else (x + 10, y - 4, "start")
    argument = data["operations"][edge["operation"]]["arguments"][edge["argument"]]
    text = f"{argument} {data['values'][edge['value']]['shape']}"
    return f'<path d="{path}"/>' + _text(*label[:2], text, "small", label[2])
