"""The families of features; importing them fills the registry, in the order of the table's columns."""

from features.families import recency as recency  # isort: skip
from features.families import windows as windows  # isort: skip
from features.families import rhythm as rhythm  # isort: skip
from features.families import trend as trend  # isort: skip
from features.families import season as season  # isort: skip
from features.families import breadth as breadth  # isort: skip
from features.families import returned as returned  # isort: skip
from features.families import tenure as tenure  # isort: skip
from features.families import interactions as interactions  # isort: skip
from features.families import payments as payments  # isort: skip
from features.families import attributes as attributes  # isort: skip
