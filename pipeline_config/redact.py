"""Which personal data gives way to a placeholder."""

from pydantic import Field

from pipeline_config.base import IdentityConfig


class RedactConfig(IdentityConfig):
    """Kinds of personal data, each counted by its name and replaced by its placeholder, such as `[EMAIL]`.

    All are recognised by their form, their checksum or a word before them, and what may be something else stays:
    version and section numbers, dates, ISBNs, private and reserved addresses.
    """

    email: bool = Field(default=True)
    """E-mail addresses, but those at names that are reserved for examples. Placeholder `[EMAIL]`."""
    ip_address: bool = Field(default=True)
    """Public addresses of IPv4 and IPv6. Placeholder `[IP]`."""
    phone: bool = Field(default=True)
    """Telephone numbers: with a country code, as written in North America or China, or after a word such as `tel`.
    Placeholder `[PHONE]`."""
    iban: bool = Field(default=True)
    """International bank account numbers of the right length and checksum. Placeholder `[IBAN]`."""
    card: bool = Field(default=True)
    """Numbers of payment cards, with an issuer's beginning and the right checksum. Placeholder `[CARD]`."""
    zh_mobile: bool = Field(default=True)
    """Chinese mobile numbers: grouped, after `+86` or a word such as `tel`, or beside Chinese text. Placeholder
    `[MOBILE]`."""
    zh_identity: bool = Field(default=True)
    """Chinese identity numbers, with a date of birth and the right checksum. Placeholder `[IDENTITY]`."""
