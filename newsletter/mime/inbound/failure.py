"""Tell a machine's notice of failed or delayed delivery from everything else that is written about mail."""

from __future__ import annotations

import re

from newsletter.mime.inbound.addresses import ADDRESS
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.phrases import any_of, starting_with

_EARLY = 4000  # characters: a notice says what it is at once
# Names of mail systems; those in _LIKE_MACHINE are used by shops and services too.
_MACHINE = any_of(
    r"(?:mailer|mail|maild|delivery|smtp)[-_. ]?(?:daemon|agent)\b",
    r"post[-_]?master\b|\bmdaemon\b",
    r"mail[-_. ]?deliver\w*[-_. ]?(?:sub)?-?system",
    r"delivery[-_. ]subsystem",
    r"(?:mail|system) administrator",
    r"internet mail delivery",
    r"\b(?:mta|ndr|mailsystem|mail-system)\b",
)
_LIKE_MACHINE = any_of(
    r"(?:no|do-?not|donot)[-_.]?reply",
    r"\b(?:anti-?virus|virus|spam|filter|firewall|gateway|mail-?server|sys-?admin|notifications?|bounces?|daemon|robot)\b",
)
_MAIL = r"(?:e-?mail|mail|message)"
_SUBJECT = starting_with(
    r"\[postmaster\] .{0,30}fail",
    r"(?:mail )?undeliver(?:able|ed)",
    r"non-? ?deliver(?:y|able|ed)|not delivered|no delivery",
    r"(?:could|can) ?not (?:be )?(?:deliver|sen[dt])|unable to (?:deliver|send)",
    rf"(?:{_MAIL} |delivery |sending |permanent |temporary |fatal ){{0,3}}(?:failure|failed|errors?|problem)\b",
    rf"(?:warning|notice|alert|error):? (?:unable|{_MAIL}|could not|undeliver|delivery)",
    rf"returned? (?:to sender|{_MAIL})|{_MAIL} returned",
    r"failure (?:notice|delivery|notification|report)",
    (
        r"(?:mail |message |permanent |final )?delivery "
        r"(?:status|failure|failed|report|notif|error|problem|delay|incomplete|attempt|has|of your)"
    ),
    (
        rf"(?:your )?{_MAIL} "
        r"(?:system error|delivery|failure|could not|undeliver|not|status|you sent|delayed|rejected|blocked|bounced)"
    ),
    r"delayed (?:mail|message|delivery)|there was an error sending|processing error",
    rf"bounced?\b|rejected {_MAIL}|{_MAIL} (?:was )?(?:rejected|blocked)",
    r"mailbox (?:is )?(?:full|unavailable)|(?:over |mail )?quota|ndn\b|postmaster notify|dead letter",
    r"(?:user|recipient|address) (?:is )?(?:unknown|rejected|not found)",
    r"(?:unknown|invalid|bad) (?:user|recipient|address)",
    (
        rf"(?:your )?{_MAIL} (?:has been|was|is|could) (?:not )?"
        r"(?:rejected|refused|delayed|blocked|returned|delivered|undeliver)"
    ),
    r"(?:spam|virus) .{0,30}(?:blocked|found|detected|rejected)|blocked:|there was a problem with your",
    r"unzustellbar|nicht zustellbar|(?:mail-)?zustell|fehler bei der|.{0,30}konnte nicht zugestellt",
    r"(?:message |courrier |mail )?non (?:remis|distribu|délivr)|échec (?:de|d)|avis de non",
    r"erreur d|.{0,30}\(échec\)",
    r"no se (?:puede|ha podido|pudo) (?:entregar|enviar)|devuelto|error de entrega",
    r"correo (?:no entregado|devuelto)|no entregado|.{0,40}\(fallo\)",
    r"(?:notifica di )?mancat[ao] (?:consegna|recapito)|recapito non riuscito",
    r".{0,10}non recapitat|impossibile recapitare|non recapitabile|messaggio non",
    r"não (?:entregue|foi possível)|(?:notificação de )?falha|entrega falhou",
    r"erro (?:na|de) entrega|mensagem (?:não|devolvida)",
    r"onbestelbaar|(?:bericht )?niet (?:afgeleverd|bezorgd)|kan niet worden bezorgd",
    r"(?:meddelandet )?(?:kan inte|kunde inte|olevererbart)|ikke levert|kan ikke leveres",
    r"ei voi(?:tu|da)? toimittaa",
    r"niedostarcz|nie (?:dostarczono|można dostarczyć)|zwrot",
    r"недоставлен|не доставлен|.{0,30}не (?:доставлено|может быть доставлено)|ошибка доставки",
    r"не удается доставить",
    r"配信(?:エラー|不能|失敗)|メールエラー|送信(?:エラー|失敗|できません)|エラーメール|未配達|未達|配達|.{0,10}(?:送信|配信|配達)でき",
    r".{0,10}\(失敗\)|.{0,10}（失敗）",
    r"退信|系统退信|投递失败|郵件無法|无法投递|.{0,20}的退信|.{0,4}发送失败|반송|.{0,8}전송 실패",
    r"teslim edilem|nedoručiteln|kézbesíthetetlen|αδύνατη|αποτυχία|nu se poate livra|nelivrat",
    r"nebylo možné doručit",
)
_SUBJECT_ANYWHERE = any_of(
    r"undeliver(?:able|ed)|delivery (?:failed|failure)|user unknown|unknown user",
    r"mailbox (?:is )?full|non remis",
    r"(?:are|is) not (?:a )?member",
)
_OTHER_REPORT = any_of(r"\bdmarc\b|report domain:")
_REPLY = starting_with(r"(?:re|fwd?|aw|wg|sv|vs|tr|rv|antw|odp|ynt|回复|转发)(?:\[\d\])? ?[:：]")
_NOT_ABLE = (
    r"(?:could|can|did|was|were|is|has|have)(?: ?not|n.t)"
    r"|unable to|not (?:able|been)|failed to|had trouble|impossible to"
)
_TEXT = any_of(
    (
        rf"(?:{_NOT_ABLE}) (?:(?:be|yet|been|successfully|to|able) ){{0,4}}"
        r"(?:deliver|reach|sen[dt]\b|collected|accept|process|relay|forward)"
    ),
    r"(?:delivery|delevery|message|mail|attempt)\b[^.\n]{0,80}\b(?:failed|failure|aborted|rejected|refused|delayed|undeliver|bounced|returned|blocked)",
    r"error (?:\w+ ){0,4}(?:delivering|sending|occurred)|error was detected while processing",
    r"encountered an error",
    r"undeliver(?:able|ed)|not delivered|returned to (?:you|sender)",
    r"had (?:permanent )?(?:fatal )?(?:delivery )?(?:errors|problems)|(?:delivery|fatal|permanent) errors",
    r"recipients? (?:was|were|has been|have been) rejected|did not receive this message",
    r"no such user|requested action not taken|not a member of (?:this|the) mailing list",
    r"unknown user|user unknown|exceeds allowed|mailbox (?:is )?full",
    r"(?:account|mailbox) is (?:disabled|not)|over quota",
    r"konnte nicht|nicht zugestellt|nicht zustellbar|fehlgeschlagen",
    r"n.a pas pu|n.ont pas pu|impossible de|n.a pas été|échoué|échec",
    r"no (?:se )?(?:ha |han )?(?:pudo|podido|puede)|no fue posible|no ha sido",
    r"impossibile|non è stato possibile|non ha potuto|non consegnat",
    r"não (?:pôde|pode|foi possível|foi entregue)",
    r"kon niet|kan niet worden|niet worden (?:afgeleverd|bezorgd)",
    r"kunde inte|kunne ikke|kan ikke|ei voitu",
    r"nie (?:mogł|został|można|udało)|не (?:может|удалось|доставлен|был)",
    r"送信でき|配信でき|配送でき|届けることができ|失敗しました|エラーのため|一杯のため",
    r"无法(?:投递|送达|发送)|退回|投递失败|못했습니다",
)
# The whole of a notice without any other mark: a sentence, and the address on the next line.
_NAMED = re.compile(
    rf"\W{{0,60}}.{{0,200}}\b(?:{_NOT_ABLE}"
    rf"|n.a pas pu)\b.{{0,40}}\bd[eé]liv.{{0,40}}\n\s{{0,40}}<?{ADDRESS}>?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_REASON_AFTER = re.compile(
    r"\W{0,8}(?:returned mail|delivery failure|failed mail|warning)\b[^:]{0,30}:(.{1,200})", re.IGNORECASE
)
_LINE_OF_ADDRESS = re.compile(rf"^[ \t]*(?:\S{{1,30}}:?[ \t]+)?[<\[]?{ADDRESS}[>\]]?", re.MULTILINE)
_TO_WHOM = re.compile(rf"\b(?:to|for|recipient):? <?{ADDRESS}", re.IGNORECASE)
_DELAY_SUBJECT = any_of(
    r"\bdelay(?:ed)?\b",
    r"not yet been delivered|still (?:undelivered|trying|being)",
    r"\A\W*warning: (?:message|could not|mail)",
    r"verzöger|retard",
)
_DELAY_TEXT = any_of(
    r"warning (?:message )?only|just a warning|do not need to re-?send|no action is required",
    r"only a temporary failure|kept in the queue|(?:is|has been|was) delayed for",
    r"will (?:be retried|keep trying|retry|be re-?attempted|continue|try again)",
    r"attempts will (?:be made|continue)",
    r"not yet (?:been )?deliver|has been delayed|temporarily (?:deferred|delayed)|we.ll keep trying",
    r"(?:still )?being (?:retried|attempted)|continues? to (?:try|attempt)",
    r"noch nicht zugestellt|weitere zustellversuche|pas encore été|nouvelle tentative|aún no se",
    r"se volverá a intentar",
)
_GAVE_UP = any_of(
    r"(?:given|giving|gave) up\b(?! after)",
    r"(?:not going to|will not|won.t) (?:try|be (?:re)?tried)",
    r"no (?:further|more) (?:delivery )?attempts",
    r"permanent(?:ly)? (?:error|fail)|failed permanently|in the queue too long",
)
_ARRIVED = any_of(r"success", r"\(relay\)|relayed", r"\bwas delivered|has been delivered|^delivered:")


def is_failure(notice: Notice) -> bool:
    """Say whether a machine tells that our message did not arrive, or not yet."""
    fields = notice.mail.fields
    if (
        "x-failed-recipients" in fields
        or notice.mail.parameters.get("report-type", "").lower() == "delivery-status"
    ):
        return True
    subject, early = fields.text("subject"), notice.text[:_EARLY]
    is_reply = bool(_REPLY.match(subject))
    titled = not is_reply and bool(_SUBJECT.match(subject) or _SUBJECT_ANYWHERE.search(subject))
    if is_named_machine(notice):
        return titled or bool(notice.returned) or bool(_TEXT.search(early))
    if is_from_machine(notice):
        return titled or (not is_reply and bool(_TEXT.search(early)))
    if _NAMED.match(early):
        return True
    like_machine = not is_reply and bool(_LIKE_MACHINE.search(_from(notice)))
    if not (titled or like_machine):
        return False
    names_whom = bool(notice.returned) or bool(_LINE_OF_ADDRESS.search(early))
    is_sure = names_whom or (titled and like_machine and bool(_TO_WHOM.search(early)))
    return is_sure and bool(_TEXT.search(early))


def is_other_report(notice: Notice) -> bool:
    """Say whether this is a report about a domain (RFC 7489), not about a message."""
    return bool(_OTHER_REPORT.search(notice.mail.fields.text("subject")))


def is_from_machine(notice: Notice) -> bool:
    """Say whether a mail system wrote this, by its name or by the empty return path (RFC 5321 §4.5.5)."""
    return "<>" in notice.mail.fields.first("return-path") or is_named_machine(notice)


def is_named_machine(notice: Notice) -> bool:
    """Say whether the sender bears the name of a mail system."""
    return "x-mlserver" in notice.mail.fields or bool(_MACHINE.search(_from(notice)))


def reason_in_subject(notice: Notice) -> str:
    """Return the reason that some put behind "Returned mail:"; behind "Undeliverable:" stands our own subject."""
    found = _REASON_AFTER.match(notice.mail.fields.text("subject"))
    return found.group(1) if found else ""


def has_arrived(notice: Notice) -> bool:
    """Say whether a notice tells of success only."""
    return bool(_ARRIVED.search(notice.mail.fields.text("subject"))) and not _TEXT.search(
        notice.text[:_EARLY]
    )


def is_delay(notice: Notice) -> bool:
    """Say whether the other side still tries."""
    early = notice.text[:_EARLY]
    if _GAVE_UP.search(early):
        return False
    return bool(_DELAY_TEXT.search(early) or _DELAY_SUBJECT.search(notice.mail.fields.text("subject")))


def _from(notice: Notice) -> str:
    return notice.mail.fields.text("from")[:300]
