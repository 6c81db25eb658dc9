"""What the probability model of purchases says."""

from lifecycle.words.drivers.forms import Said, known, number, percent
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.saying import about


@about("btyd_purchase_probability")
def purchase_probability(own: Own) -> Said:
    """Return the chance of a purchase in the horizon."""
    chance, days = percent(own["btyd_purchase_probability"]), own.terms.horizon
    return Said(
        f"purchase model alone: {chance} probability of a purchase in the next {days} days",
        f"单凭购买模型，未来 {days} 天购买的概率为 {chance}",
    )


@about("btyd_p_alive")
def p_alive(own: Own) -> Said:
    """Return the chance of being a customer still."""
    chance = percent(own["btyd_p_alive"])
    return Said(
        f"purchase model alone: {chance} probability of being still active",
        f"单凭购买模型，仍活跃的概率为 {chance}",
    )


@about("btyd_expected_purchases")
def expected_purchases(own: Own) -> Said:
    """Return how many purchases are expected in the horizon."""
    value, days = own["btyd_expected_purchases"], own.terms.horizon
    count = "practically no" if value < 0.005 else number(value)
    word = "基本不会购买" if value < 0.005 else f"购买 {number(value)} 次"
    things = "purchase" if count in ("1", "practically no") else "purchases"
    return Said(
        f"purchase model alone: {count} {things} expected in the next {days} days",
        f"单凭购买模型，预计未来 {days} 天{word}",
    )


@about("btyd_expected_basket")
def expected_basket(own: Own) -> Said:
    """Return how much a purchase is expected to bring."""
    value = own["btyd_expected_basket"]
    ever = own.get("spend") / own.purchases
    past = Said("", "")
    if known(ever):
        past = Said(f", {own.money(ever)} on average so far", f"，迄今平均 {own.money(ever)}")
    return Said(
        f"purchase model alone: {own.money(value)} a purchase expected{past.en}",
        f"单凭购买模型，预计每次购买 {own.money(value)}{past.zh}",
    )


@about("btyd_expected_spend")
def expected_spend(own: Own) -> Said:
    """Return how much the horizon is expected to bring."""
    value, days = own.money(own["btyd_expected_spend"]), own.terms.horizon
    return Said(
        f"purchase model alone: {value} of spend expected in the next {days} days",
        f"单凭购买模型，预计未来 {days} 天消费 {value}",
    )
