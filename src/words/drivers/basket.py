"""What customers bought: how many different things, how much at a time, and what came back."""

from lifecycle.words.drivers.forms import Said, counted, number, whole
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.saying import about

_KINDS = {
    "products": ("product", "products", "商品", "种"),
    "categories": ("category", "categories", "品类", "个"),
    "channels": ("channel", "channels", "渠道", "个"),
}
_MANY = {"product": "products", "category": "categories", "channel": "channels"}


@about("(products|categories|channels)", r"(products|categories|channels)_(\d+)d")
def variety(own: Own, many: str, days: str = "") -> Said:
    """Return how many different things were bought."""
    name = f"{many}_{days}d" if days else many
    one, _, word, unit = _KINDS[many]
    value, usual = own[name], own.median(name)
    said = counted(value, f"different {one}", f"different {many}") if value > 1 else counted(value, one, many)
    en = f" in the last {days} days" if days else ""
    zh = f"近 {days} 天" if days else ""
    if many == "channels":
        return Said(f"bought through {said}{en}{usual.en}", f"{zh}使用过 {whole(value)} 个渠道{usual.zh}")
    return Said(f"bought {said}{en}{usual.en}", f"{zh}购买过 {whole(value)} {unit}{word}{usual.zh}")


@about("(product|category|channel)_concentration")
def concentration(own: Own, one: str) -> Said:
    """Return over how many equal parts the lines are spread, in effect."""
    many = _MANY[one]
    _, _, word, unit = _KINDS[many]
    total = own[many]
    if total <= 1:
        return Said(f"always the same {one}", f"始终为同一{word}")
    effective = number(1.0 / own[f"{one}_concentration"])
    return Said(
        f"{whole(total)} {many}, spread like {effective} in equal parts",
        f"{whole(total)} {unit}{word}，分布相当于均分 {effective} {unit}",
    )


@about("(lines|items)_per_purchase_day")
def basket(own: Own, what: str) -> Said:
    """Return what lies in a basket."""
    name = f"{what}_per_purchase_day"
    value, usual = own[name], own.median(name)
    one = what.removesuffix("s")
    said = f"{number(value)} {one if number(value) == '1' else what}"
    return Said(
        f"{said} a purchase{usual.en}", f"每次购买 {number(value)} {'行明细' if what == 'lines' else '件'}{usual.zh}"
    )


@about("returns", r"returns_(\d+)d")
def returns(own: Own, days: str = "") -> Said:
    """Return how often something came back."""
    value = own[f"returns_{days}d" if days else "returns"]
    en, zh = (f" in the last {days} days", f"近 {days} 天") if days else (" so far", "累计")
    return Said(f"{counted(value, 'return')}{en}", f"{zh}退货 {whole(value)} 次")


@about("days_returned")
def undone(own: Own) -> Said:
    """Return how many purchases came back as a whole."""
    value = own["days_returned"]
    return Said(f"{counted(value, 'purchase')} returned in full", f"整单退货 {whole(value)} 次")
