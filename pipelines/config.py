"""The configuration: one TOML file, read once into a frozen object that every step takes.

Only `[tables.transactions] path` is required. Relative paths resolve against the folder of the file. Whatever is wrong
is said with the key, what is allowed, what was found and the remedy, all problems at once.
"""

import datetime as dt
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from lifecycle.pipelines.config_errors import explain, unknown_key

PACKAGE_PREFIX = "package:"
"""A path that starts so names a file in an installed Python package: `package:lifetimes/datasets/CDNOW_master.txt`."""


class ConfigError(ValueError):
    """A configuration that cannot be used; the message lists every problem with its key and remedy."""


class Section(BaseModel):
    """A frozen section; keys that it does not know are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0)]
Column = str
OptionalColumn = str | None


def _no_amounts(value: object) -> object:
    return None if value is False else value


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _memory(value: object) -> object:
    if not isinstance(value, str) or re.fullmatch(r"\d+(\.\d+)?\s?[KMGT]i?B", value) is None:
        raise ValueError('give a number with a unit, such as "2GB" or "512MB"')
    return value


class Source(Section):
    """Where a table comes from: files of one kind, or a query against a database."""

    path: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_several)] = Field(
        default=None, description="a file, glob, folder, or list of them (CSV, TXT, XLSX, Parquet)"
    )
    database_env: str | None = Field(
        default=None,
        description="environment variable that holds the database's ADBC URI (in place of path)",
    )
    query: str | None = Field(
        default=None, description="SQL that yields the table: of the database, or of the files, each called by its name"
    )
    sheet: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_several)] = Field(
        default=None,
        description='sheet of a workbook, a list of them, or "*" for all with the columns (default: the one with them)',
    )
    header: bool = Field(default=True, description="whether text files have a line of column names above their rows")
    delimiter: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description='column separator of text files, "whitespace" for runs of blanks (default: the one of , ; tab | '
        "under which the columns are found)",
    )
    quote: Literal['"', "'", ""] = Field(
        default='"',
        description='mark around values of text files that hold separators or line ends; "" if there is none',
    )
    encoding: str | None = Field(
        default=None, description='encoding of text files, such as "cp1252" (default: UTF-8, or as the file marks it)'
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description="decimal mark of numbers in text (default: a point; decimal commas are then refused)"
    )
    timestamp_format: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_several)] = Field(
        default=None,
        description='strptime format of text timestamps, such as "%d/%m/%Y", or a list of them; or "epoch_s", '
        '"epoch_ms", "epoch_us", "excel_days", "days since 2016-01-01" (default: ISO 8601)',
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.database_env is None):
            raise ValueError("name either path (files) or database_env (a database), one of the two")
        if self.database_env is not None and self.query is None:
            raise ValueError("database_env needs query: the SQL that yields the table")
        return self


class TransactionsTable(Source):
    """One row a transaction line; negative amounts are returns."""

    customer_id: Column = "customer_id"
    timestamp: Column = "timestamp"
    amount: Annotated[OptionalColumn, BeforeValidator(_no_amounts)] = Field(
        default="amount", description="the line's total; false for a log without amounts"
    )
    unit_price: OptionalColumn = Field(
        default=None, description="price of one item, in place of amount: the amount is then quantity × unit_price"
    )
    order_id: OptionalColumn = None
    product: OptionalColumn = None
    category: OptionalColumn = None
    quantity: OptionalColumn = None
    channel: OptionalColumn = None
    currency: OptionalColumn = None
    cost: OptionalColumn = None

    @model_validator(mode="before")
    @classmethod
    def _price_or_total(cls, data: object) -> object:
        if not isinstance(data, Mapping) or data.get("unit_price") is None:
            return data
        if isinstance(data.get("amount"), str):
            raise ValueError("name either amount (the line's total) or unit_price (the price of one item)")
        if data.get("quantity") is None:
            raise ValueError("unit_price needs quantity: the amount of a line is their product")
        return {**data, "amount": None}


class CustomersTable(Source):
    """One row a customer: registration, closure, consent and whatever else is known."""

    customer_id: Column = "customer_id"
    registered_at: OptionalColumn = None
    closed_at: OptionalColumn = None
    acquisition_cost: OptionalColumn = None
    consent: OptionalColumn = Field(default=None, description="whoever has not given it is not contacted")
    channel: OptionalColumn = None
    attributes: tuple[str, ...] = Field(default=(), description="further columns to use as features")


class IdMapTable(Source):
    """One row an alias: joins the several ids of one customer."""

    alias: Column = "alias"
    customer_id: Column = "customer_id"


class InteractionsTable(Source):
    """One row an event that is no purchase: visit, service contact, complaint, survey."""

    customer_id: Column = "customer_id"
    timestamp: Column = "timestamp"
    kind: Column = "kind"
    value: OptionalColumn = None


class PaymentsTable(Source):
    """One row an invoice with its payment date, and where it is known the date when it was due."""

    customer_id: Column = "customer_id"
    invoiced_at: Column = "invoiced_at"
    due_at: OptionalColumn = Field(default=None, description='(default: "due_at", where there is one)')
    paid_at: Column = "paid_at"
    amount: Column = "amount"


class CampaignsTable(Source):
    """One row a contact that the firm made, or held back for a control group."""

    customer_id: Column = "customer_id"
    timestamp: Column = "timestamp"
    treatment: OptionalColumn = Field(
        default=None, description='what was sent (default: "treatment", where there is one)'
    )
    cost: OptionalColumn = Field(default=None, description='(default: "cost", where there is one)')
    control: OptionalColumn = Field(
        default=None, description='true for who was held back: no contact (default: "control", where there is one)'
    )
    campaign: OptionalColumn = Field(
        default=None, description='name of the campaign (default: "campaign", where there is one)'
    )
    propensity: OptionalColumn = Field(
        default=None, description='probability of being treated, as drawn (default: "propensity", where there is one)'
    )
    incentive_cost: OptionalColumn = Field(
        default=None, description='incentive paid (default: "incentive_cost", where there is one)'
    )


class Tables(Section):
    """The tables that come in; only the transactions are required."""

    transactions: TransactionsTable
    customers: CustomersTable | None = None
    id_map: IdMapTable | None = None
    interactions: InteractionsTable | None = None
    payments: PaymentsTable | None = None
    campaigns: CampaignsTable | None = None


class Time(Section):
    """What "now" is and how far ahead is looked."""

    as_of: dt.date | None = Field(default=None, description="last day that may be known (default: last day in the log)")
    horizon_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="days ahead that are forecast (default: chosen from the log's rhythm)"
    )

    @field_validator("as_of", mode="before")
    @classmethod
    def _date(cls, value: object) -> object:
        if isinstance(value, dt.datetime):
            raise ValueError("give a date without a time, such as 1998-06-30: the whole day belongs to the past")
        if isinstance(value, str):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                raise ValueError("give a date that exists, written as year-month-day, such as 1998-06-30") from None
        return value


class MoneySection(Section):
    """What a purchase is worth."""

    currency: str = ""
    margin: Annotated[float, Field(gt=0, le=1)] = 1.0
    discount_rate_per_year: Annotated[float, Field(gt=0, lt=10)] = 0.1


class ActionSection(Section):
    """One action of the catalogue: who may get it, by which channel, at what cost and with what assumed effect."""

    name: str
    stages: tuple[str, ...]
    effect: Literal["prevent", "activate", "develop", "convert"]
    channel: str = "email"
    causes: tuple[str, ...] = Field(default=(), description="strategies of declining customers it fits; empty fits all")
    contact_cost: Money = 1.0
    incentive: Money = Field(default=0.0, description="money given to whoever accepts")
    incentive_share: Share = Field(default=0.0, description="the same as a share of the accepting customer's order")
    capacity: Annotated[int, Field(ge=0)] | None = None
    save_rate: Share = Field(default=0.1, description="assumed share of losses that a preventing action avoids")
    winback_save_rate: Share | None = None
    lift: Share = Field(default=0.02, description="assumed effect of activating, developing and converting")
    accept_if_staying: Share = 1.0
    personal: bool = False
    rate_sd: Share | None = Field(
        default=None, description="how sure the assumed effect is, as a standard deviation (default: half of it)"
    )


class Retention(Section):
    """Budget, costs and assumed effects of contacting customers."""

    budget: Money | None = Field(default=None, description="pays contacts and expected incentives; none = no limit")
    contact_cost: Money = 1.0
    incentive_cost: Money = Field(default=0.0, description="money given to whoever accepts the offer")
    save_rate: Share = Field(default=0.1, description="assumed share of endangered customers whom a contact keeps")
    winback_save_rate: Share | None = Field(
        default=None, description="the same for those gone (default: a fifth of save_rate)"
    )
    control_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    explore_share: Share = Field(
        default=0.05, description="of the list, and of as many just outside it, the share treated by the toss of a coin"
    )
    value_horizon_days: Annotated[int, Field(ge=1, le=3650)] = 365
    min_return: Money = Field(default=0.0, description="least net gain per unit of money spent")
    min_days_between_contacts: Annotated[int, Field(ge=0)] = Field(
        default=0, description="days that must have passed since the last contact in the campaigns table"
    )
    salt: str = Field(default="lifecycle", description="goes into the hash that draws the control group")
    actions: tuple[ActionSection, ...] = Field(
        default=(), description="the catalogue (default: one retention offer and one for the second purchase)"
    )


class Learning(Section):
    """How models are trained, compared and promoted."""

    candidates: tuple[str, ...] = Field(default=(), description="names of candidate models (default: all)")
    metric: str = Field(default="churn_log_loss", description="decides between champion and challenger")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    tuning_trials: Annotated[int, Field(ge=0)] = 0
    bootstrap: Annotated[int, Field(ge=20)] = 200
    origins: Annotated[int, Field(ge=1)] = Field(default=4, description="rolling origins of `lifecycle backtest`")


class Ingest(Section):
    """How rows are read and when too many are unusable."""

    zero_amount: Literal["purchase", "ignore"] = "purchase"
    max_quarantined_share: Share = Field(
        default=0.5, description="stop when more of a table's rows than this are unusable"
    )
    memory_limit: Annotated[str, BeforeValidator(_memory)] = "1GB"
    buckets: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None, description="customer-hash buckets of the history (default: by size of the input)"
    )


class Tracking(Section):
    """Where MLflow keeps the experiments."""

    uri: str = "sqlite:///mlruns/mlflow.db"
    experiment: str | None = Field(default=None, min_length=1, description="(default: the config file's name)")

    @field_validator("experiment")
    @classmethod
    def _one_kind_of_quotes(cls, value: str | None) -> str | None:
        if value is not None and "'" in value and '"' in value:
            raise ValueError("MLflow cannot look for a name with both ' and \" in it; use one of them")
        return value


class Output(Section):
    """Where results go, in which words, and under which ids."""

    directory: str = "output"
    database_env: str | None = Field(
        default=None,
        description="environment variable that holds the ADBC URI of a database for the scores (default: files only)",
    )
    table: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = Field(
        default="scores", description="table for the scores: small letters, digits and _, no digit first, 63 at most"
    )
    pseudonym_key_env: str | None = Field(
        default=None,
        description="environment variable that holds a key: ids go out as keyed hashes (default: as they came)",
    )
    explained_customers: Annotated[int, Field(ge=0)] = Field(
        default=10_000, description="customers whose reasons come from the model itself; all others get them by rules"
    )
    language: Literal["en", "zh"] = "en"
    scheme: Literal["canonical", "five_stage", "clm", "relationship"] = "canonical"


class CreditSection(Section):
    """The firm's policy of credit; what is not set has the default of `decisions.credit.CreditPolicy`."""

    pd_prior: Share | None = Field(default=None, description="assumed where the log holds no default to learn from")
    lgd: Share | None = Field(default=None, description="share of the exposure lost in a default, assumed")
    loss_budget: Money | None = Field(default=None, description="most expected loss over all customers")
    outcome_days: Annotated[int, Field(ge=30, le=3650)] | None = None
    default_days: Annotated[int, Field(ge=1, le=720)] | None = None
    terms_days_default: Annotated[int, Field(ge=0, le=720)] | None = None
    material_amount: Money | None = None
    material_share: Share | None = None
    pd_bounds: tuple[float, ...] | None = Field(default=None, description="highest probability of grades A to D")
    terms_days: tuple[int, ...] | None = Field(default=None, description="days of payment of grades A to E")
    caps: tuple[float, ...] | None = Field(default=None, description="highest limit of grades A to E")
    loss_share: Share | None = None
    first_orders: Money | None = None
    mature_bonus: Annotated[float, Field(ge=0, le=0.5)] | None = None
    alpha: Annotated[float, Field(gt=0, le=0.5)] | None = Field(
        default=None, description="false-alarm rate of the payment trigger"
    )


class Config(Section):
    """The whole configuration; `base` is the folder that relative paths start from, `source` the file."""

    tables: Tables
    ingest: Ingest = Ingest()
    time: Time = Time()
    money: MoneySection = MoneySection()
    retention: Retention = Retention()
    credit: CreditSection = CreditSection()
    learning: Learning = Learning()
    tracking: Tracking = Tracking()
    output: Output = Output()
    base: Path = Field(exclude=True)
    name: str = Field(exclude=True)
    source: str = Field(exclude=True)

    @property
    def directory(self) -> Path:
        """The folder below which every step reads and writes."""
        return resolve(self.output.directory, self.base)

    @property
    def experiment(self) -> str:
        """The MLflow experiment, and the name of its registered model."""
        return self.tracking.experiment or self.name

    @property
    def tracking_uri(self) -> str:
        """The tracking URI, an SQLite path in it made absolute; signs that mean something in an address are escaped."""
        prefix = "sqlite:///"
        if self.tracking.uri.startswith(prefix):
            return prefix + quote(str(resolve(self.tracking.uri.removeprefix(prefix), self.base)))
        return self.tracking.uri


def resolve(path: str, base: Path) -> Path:
    """An absolute path; `~` is the home folder and relative paths start from `base`.

    Raises
    ------
    ConfigError
        the path begins with the home of a user that this machine does not know.
    """
    try:
        return Path(os.path.normpath(base / Path(path).expanduser()))
    except RuntimeError:
        raise ConfigError(f"path {path!r}: this machine knows no such user. Write the folder in full.") from None


def copy_of_shipped(name: str, folder: Path) -> Path:
    """Copy a configuration that comes with the software into a folder, its outputs and MLflow's store below it.

    A file that is there already is kept: whoever tries things may have changed it.
    """
    home = Path(__file__).parents[1]  # in a checkout the configurations lie beside it, in an installed package in it
    source = next(place for place in (home / "configs", home.parent / "configs") if place.is_dir()) / f"{name}.toml"
    copy = folder.resolve() / source.name
    if not copy.exists():
        text = source.read_text("utf-8")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text.replace(f"../output/{name}", "output").replace("../mlruns", "mlruns"), "utf-8")
    return copy


def load(path: Path | str, overrides: Mapping[str, object] | None = None) -> Config:
    """Read a configuration file.

    Parameters
    ----------
    path : Path | str
        the TOML file.
    overrides : Mapping[str, object] | None
        dotted keys with the values that replace the file's, such as `{"time.horizon_days": 60}`.

    Raises
    ------
    ConfigError
        the file is absent, is not TOML, or holds values that cannot be used.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"config file not found: {path}. Name an existing TOML file with --config.") from None
    except IsADirectoryError:
        raise ConfigError(f"config file expected, found a folder: {path}. Name the TOML file in it.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from None
    except (RecursionError, ValueError) as error:  # lists in lists without end, numbers of thousands of digits
        raise ConfigError(f"{path} cannot be read as TOML: {error}. Take that value out.") from None
    return parse(document, base=path.resolve().parent, name=path.stem, source=str(path), overrides=overrides)


def parse(
    document: Mapping[str, Any],
    *,
    base: Path,
    name: str,
    source: str = "config",
    overrides: Mapping[str, object] | None = None,
) -> Config:
    """Check a configuration given as nested mappings; see `load`.

    >>> config = parse({"tables": {"transactions": {"path": "sales.csv"}}}, base=Path("."), name="shop")
    >>> config.retention.save_rate, config.experiment
    (0.1, 'shop')
    """
    merged = _with_overrides(document, overrides or {})
    for reserved in ("base", "name", "source"):
        if reserved in merged:
            raise ConfigError(f"{source}: unknown key {reserved!r}. {unknown_key((reserved,), Config)}")
    try:
        return Config.model_validate({**_jsonable(merged), "base": base, "name": name, "source": source})
    except ValidationError as error:
        count = error.error_count()
        lines = [f"{source}: {count} problem{'s' if count > 1 else ''} in the configuration"]
        lines += [f"  {explain(dict(item), Config)}" for item in error.errors(include_url=False)]
        raise ConfigError("\n".join(lines)) from None


def _jsonable(value: Any) -> Any:
    """TOML arrays as tuples, which is what frozen sections hold."""
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_jsonable(item) for item in value)
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"the value {value[:60]!r} holds a NUL character. Take it out.")
    return value


def _with_overrides(document: Mapping[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    merged: dict[str, Any] = {k: _with_overrides(v, {}) if isinstance(v, Mapping) else v for k, v in document.items()}
    for dotted, value in overrides.items():
        *sections, key = dotted.split(".")
        place = merged
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"cannot set {dotted}: {section} is a value, not a section")
        place[key] = value
    return merged
