"""Define the tables; import them from here."""

from newsletter.store.tables.admin import Beat, Counter, DkimKey, HookDelivery, KeyPurpose, SigningKey
from newsletter.store.tables.base import Base
from newsletter.store.tables.desk import ApiToken, AuditEvent, DeskLink, Editor
from newsletter.store.tables.destinations import Destination, WarmupState
from newsletter.store.tables.feedback import Alert, Arrival, Outcome
from newsletter.store.tables.mailboxes import CollectedMailbox
from newsletter.store.tables.people import ConsentEvent, Domain, Subscriber, Subscription, Suppression
from newsletter.store.tables.publishing import (
    Article,
    ArticleKey,
    Block,
    ClickCount,
    DeskItem,
    Issue,
    IssueArticle,
    Newsletter,
    NewsletterArticle,
    Schedule,
    Source,
    SourceStatus,
    StoryLink,
    Topic,
)
from newsletter.store.tables.sending import (
    Batch,
    BucketLease,
    Mailing,
    Message,
    MessageDetail,
    Notice,
    NoticeKind,
    NoticeStatus,
    Window,
)

__all__ = [
    "Alert",
    "ApiToken",
    "Arrival",
    "Article",
    "ArticleKey",
    "AuditEvent",
    "Base",
    "Batch",
    "Beat",
    "Block",
    "BucketLease",
    "ClickCount",
    "CollectedMailbox",
    "ConsentEvent",
    "Counter",
    "DeskItem",
    "DeskLink",
    "Destination",
    "DkimKey",
    "Domain",
    "Editor",
    "HookDelivery",
    "Issue",
    "IssueArticle",
    "KeyPurpose",
    "Mailing",
    "Message",
    "MessageDetail",
    "Newsletter",
    "NewsletterArticle",
    "Notice",
    "NoticeKind",
    "NoticeStatus",
    "Outcome",
    "Schedule",
    "SigningKey",
    "Source",
    "SourceStatus",
    "StoryLink",
    "Subscriber",
    "Subscription",
    "Suppression",
    "Topic",
    "WarmupState",
    "Window",
]
