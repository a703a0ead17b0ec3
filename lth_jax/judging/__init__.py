"""What runs show, by rules that are written down. Reads tables of runs only."""

from ..report.winning import WinningTickets as WinningTickets
from ..report.winning import winning_tickets as winning_tickets
from .judge import Row as Row
from .judge import judge as judge
