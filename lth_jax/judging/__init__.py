"""What runs show, by rules that are written down. Reads tables of runs only."""

from ..report.winning import WinningTickets as WinningTickets
from ..report.winning import accuracy_text as accuracy_text
from ..report.winning import by_level as by_level
from ..report.winning import density_text as density_text
from ..report.winning import winning_tickets as winning_tickets
from .judge import Row as Row
from .judge import judge as judge
