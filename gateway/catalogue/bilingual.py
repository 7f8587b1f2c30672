"""A text that citizens, clerks and administrators read: Indonesian first, English beside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One text in both languages of the product; neither may be empty.

    Attributes:
        id: The Indonesian text (ISO 639-1 `id`), shown first.
        en: The English text, shown beside it.
    """

    id: str
    en: str
