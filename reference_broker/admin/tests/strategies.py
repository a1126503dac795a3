"""Results at random, for Hypothesis: what their types allow and what they mean to allow."""

from __future__ import annotations

from hypothesis import strategies as st

from reference_broker.admin import (
    Date,
    Datetime,
    FileStore,
    FileStoreState,
    FileStoreSummary,
    Result,
    Time,
    Tunable,
    TunableConfirmation,
)

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)
DATES = st.builds(Date, st.integers(1, 9999), st.integers(1, 12), st.integers(1, 28), OFFSETS)
TIMES = st.builds(
    Time,
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 999_999),
    OFFSETS,
)
DATETIMES = st.builds(Datetime, DATES, TIMES)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | DATES
    | TIMES
    | DATETIMES
)
NOT_OPEN = st.sampled_from([FileStoreState.CLOSED, FileStoreState.STOPPING])


def results(kind: type[Result]) -> st.SearchStrategy[Result]:
    """Return a strategy for one kind of result."""
    return st.from_type(kind)


st.register_type_strategy(Datetime, DATETIMES)
st.register_type_strategy(Tunable, st.builds(Tunable, value=VALUES))
st.register_type_strategy(
    TunableConfirmation, st.builds(TunableConfirmation, old_value=VALUES, new_value=VALUES)
)
st.register_type_strategy(
    FileStore,
    st.builds(FileStore, state=NOT_OPEN, summary=st.none())
    | st.builds(FileStore, state=st.just(FileStoreState.OPEN), summary=st.builds(FileStoreSummary)),
)
