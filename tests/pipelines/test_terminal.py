"""What stands in a log is shown as it stands there, never taken for markup."""

import pytest
from rich.text import Text

from lifecycle.pipelines import terminal


@pytest.mark.parametrize("name", ["[/x]kunde", "[b]", "[/sale]", "[link=x]", "[red]a[/red]", "a[1]", "\\[b]"])
def test_brackets_of_a_name_are_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.step(f"Read {name}") as progress:
        progress(name)
    terminal.show_table(name, ("customer", name), [(name, Text(name, "bold"))])
    terminal.console.print(name)
    shown = capsys.readouterr().out
    assert shown.count(name) == 6, shown
