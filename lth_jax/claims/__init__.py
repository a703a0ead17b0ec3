"""What runs show, by rules that are written down. Reads tables of runs only."""

from .judge import Row as Row
from .judge import judge as judge
from .winning import WinningTickets as WinningTickets
from .winning import accuracy_text as accuracy_text
from .winning import by_level as by_level
from .winning import density_text as density_text
from .winning import winning_tickets as winning_tickets
