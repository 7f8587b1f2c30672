"""All that an extension may import, beside `gateway.catalogue`; routes are in `gateway.contract.web`."""

from gateway.contract.errors import FieldFault, GatewayError
from gateway.contract.events import CircuitMove, CircuitState, ExchangeRecord
from gateway.contract.extension import API_VERSION, ENTRY_POINT_GROUP, Extension, ExtensionConfig
from gateway.contract.hookspecs import hookimpl
from gateway.contract.host import Asking, Clock, Host, Job
from gateway.contract.messages import (
    Answer,
    Call,
    Caller,
    CentreService,
    Fate,
    Freshness,
    Priority,
    Question,
    Reply,
    Right,
)
from gateway.contract.roles import Allowed, Authenticator, Health, HealthCheck, Intent, Policy
from gateway.contract.status import CentreStatus
from gateway.contract.storage import Tables
from gateway.contract.submissions import (
    AttachmentRef,
    Move,
    Receipt,
    Standing,
    Subject,
    Submission,
    SubmissionMoved,
    SubmissionState,
    Waiting,
)

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "Allowed",
    "Answer",
    "Asking",
    "AttachmentRef",
    "Authenticator",
    "Call",
    "Caller",
    "CentreService",
    "CentreStatus",
    "CircuitMove",
    "CircuitState",
    "Clock",
    "ExchangeRecord",
    "Extension",
    "ExtensionConfig",
    "Fate",
    "FieldFault",
    "Freshness",
    "GatewayError",
    "Health",
    "HealthCheck",
    "Host",
    "Intent",
    "Job",
    "Move",
    "Policy",
    "Priority",
    "Question",
    "Receipt",
    "Reply",
    "Right",
    "Standing",
    "Subject",
    "Submission",
    "SubmissionMoved",
    "SubmissionState",
    "Tables",
    "Waiting",
    "hookimpl",
]
