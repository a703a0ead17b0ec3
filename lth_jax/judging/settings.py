"""The settings in which papers train, prune and rewind their networks."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Config, RewindConfig


@dataclass(frozen=True)
class Setting:
    """One way in which a paper trains, prunes and rewinds a network.

    Attributes:
        name: how rules and notes call it.
        config: its fields; some of them do not count, see `lth_jax.judging.matching`.
        kinds: of the layers that its network has: runs may give their rates in other
            words.
        unread: fields that its network does not read, in which runs may differ.
        cadence: the early-stop step is read, so it matters how often is evaluated.
    """

    name: str
    config: Config
    kinds: tuple[str, ...]
    unread: tuple[str, ...] = ()
    cadence: bool = True

    def but(
        self,
        name: str,
        model: Mapping[str, Any] | None = None,
        train: Mapping[str, Any] | None = None,
        prune: Mapping[str, Any] | None = None,
    ) -> "Setting":
        """Return the setting with other fields; its name goes on with ``name``."""
        config = dataclasses.replace(
            self.config,
            model=dataclasses.replace(self.config.model, **(model or {})),
            train=dataclasses.replace(self.config.train, **(train or {})),
            prune=dataclasses.replace(self.config.prune, **(prune or {})),
        )
        return dataclasses.replace(self, name=f"{self.name} {name}", config=config)

    def at_rate(self, learning_rate: float, **train: Any) -> "Setting":
        """Return the setting with another learning rate (and optimizer, ...)."""
        words = [str(value) for value in train.values()] + [f"lr {learning_rate:g}"]
        train = {"learning_rate": learning_rate, **train}
        return self.but(" ".join(words), train=train)

    def rewound(self, moment: int | float) -> "Setting":
        """Return the setting with pruned networks that start from a later moment.

        Args:
            moment: step of training, or fraction of it.

        Example:
            >>> setting = Setting("A network", Config(), kinds=("dense", "output"))
            >>> setting.rewound(500).name, setting.rewound(0.07).name
            ('A network rewound to 500', 'A network rewound to 7 %')
            >>> setting.rewound(0) is setting
            True
        """
        if not moment:
            return self
        words = f"{100 * moment:g} %" if isinstance(moment, float) else f"{moment:,}"
        return dataclasses.replace(
            self,
            name=f"{self.name} rewound to {words}",
            config=dataclasses.replace(
                self.config, rewind=RewindConfig(weights=moment)
            ),
        )

    @property
    def text(self) -> str:
        """The setting in a few words, for those who want to run it."""
        train = self.config.train
        return (
            f"{self.name} ({self.config.model.name} on {self.config.data.name},"
            f" {train.optimizer} at {train.learning_rate:g}, {train.steps:,} steps of"
            f" {train.batch_size})"
        )
