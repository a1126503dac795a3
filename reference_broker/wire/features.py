"""Feature strings: what a peer says it can do.

::

    features = field *( ";" field )
    field    = name [ ":" value *( "," value ) ]

Names and values are compared exactly; those that we do not know are kept and mean nothing
[FEAT-4]. As in the peer, empty fields and values are passed over, the first of two fields of one
name counts, and reading ends at a field with a colon and nothing behind it: what follows was not
said.

Peer: bmqp_protocolutil loadFieldValues, bmqp_protocol.h EncodingFeature, HighAvailabilityFeatures,
MessagePropertiesFeatures, SubscriptionsFeatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_ENCODING: Final = "PROTOCOL_ENCODING"
_AVAILABILITY: Final = "HA"
_PROPERTIES: Final = "MPS"
_SUBSCRIPTIONS: Final = "SUBSCRIPTIONS"

#: What a client sends.
CLIENT_FEATURES: Final = "PROTOCOL_ENCODING:BER,JSON;MPS:MESSAGE_PROPERTIES_EX"
#: What a broker with everything switched on sends [FEAT-1, FEAT-2, FEAT-3].
BROKER_FEATURES: Final = (
    "PROTOCOL_ENCODING:BER,JSON"
    ";HA:GRACEFUL_SHUTDOWN,GRACEFUL_SHUTDOWN_V2,BROADCAST_TO_PROXIES"
    ";MPS:MESSAGE_PROPERTIES_EX"
    ";SUBSCRIPTIONS:CONFIGURE_STREAM"
)


def parse_features(text: str) -> dict[str, tuple[str, ...]]:
    """Return the values of every field, in the order of the text; any text will do."""
    fields: dict[str, tuple[str, ...]] = {}
    for field in text.split(";"):
        name, colon, values = field.partition(":")
        if colon and not values:
            break
        if field:
            fields.setdefault(name, tuple(value for value in values.split(",") if value))
    return fields


def format_features(fields: Mapping[str, tuple[str, ...]]) -> str:
    """Return the feature string of `fields`, in their order."""
    return ";".join(
        f"{name}:{','.join(values)}" if values else name for name, values in fields.items()
    )


@dataclass(frozen=True, slots=True)
class Features:
    """What one peer can do.

    Args:
        fields: values by field name, as `parse_features` returns them.
    """

    fields: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the features in an identity's feature string; any text will do."""
        return cls(parse_features(text))

    def has(self, field: str, value: str) -> bool:
        """Tell whether `field` lists `value`."""
        return value in self.fields.get(field, ())

    @property
    def encodings(self) -> tuple[str, ...]:
        """The encodings of control messages that the peer can decode, in its order."""
        return self.fields.get(_ENCODING, ())

    @property
    def wants_json(self) -> bool:
        """Control messages go out in JSON, because the peer says JSON and not BER [NEG-3]."""
        return "JSON" in self.encodings and "BER" not in self.encodings

    @property
    def message_properties_ex(self) -> bool:
        """New-style message properties are understood [FEAT-5]."""
        return self.has(_PROPERTIES, "MESSAGE_PROPERTIES_EX")

    @property
    def configure_stream(self) -> bool:
        """Readers are configured by `configureStream`; PUSH then carries subscription ids."""
        return self.has(_SUBSCRIPTIONS, "CONFIGURE_STREAM")

    @property
    def graceful_shutdown(self) -> bool:
        """The first protocol of a graceful stop is understood."""
        return self.has(_AVAILABILITY, "GRACEFUL_SHUTDOWN")

    @property
    def graceful_shutdown_v2(self) -> bool:
        """The second protocol of a graceful stop is understood."""
        return self.has(_AVAILABILITY, "GRACEFUL_SHUTDOWN_V2")

    @property
    def broadcast_to_proxies(self) -> bool:
        """Broadcast queues work through proxies."""
        return self.has(_AVAILABILITY, "BROADCAST_TO_PROXIES")

    def __str__(self) -> str:
        return format_features(self.fields)
