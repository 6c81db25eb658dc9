import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.features.window import Window, to_date, to_day


@given(st.dates())
def test_days_and_dates_are_each_others_inverse(date: dt.date) -> None:
    assert to_date(to_day(date)) == date
    assert to_day(dt.datetime.combine(date, dt.time(23, 59))) == to_day(date)
    assert to_day(dt.date(1970, 1, 1)) == 0


def test_a_window_needs_a_horizon() -> None:
    assert Window(dt.date(1997, 9, 30), 273).end == dt.date(1998, 6, 30)
    with pytest.raises(ValueError, match="at least 1 day, got 0"):
        Window(dt.date(1997, 9, 30), 0)
