"""Recognise answers of machines that are no reports: away, ticket received, prove that you are human, moved."""

from __future__ import annotations

from newsletter.mime.inbound.failure import is_from_machine, is_named_machine
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.phrases import any_of, starting_with
from newsletter.mime.inbound.report import AutoReply

_EARLY = 2000  # characters: an answer says what it is at once
# Fields that vacation programs set; X-Auto-Response-Suppress is no such mark: whoever wants no answer sets it.
_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-autoresponder",
    "x-autoreply-from",
    "x-auto-reply",
    "x-vacation",
    "x-mail-autoreply",
)
_SUBJECT = starting_with(
    r"(?:re: ?)?auto(?:matic|mated|matisch\w*|-)? ?(?:e-?mail )?(?:reply|response|responder|answer|antwort)",
    r"auto ?: |(?:re: ?)?out[- ]of[- ](?:the )?office|ooo\b|(?:on )?vacation\b|away from",
    r"on (?:holiday|leave)",
    r"abwesen|nicht im (?:büro|haus)|urlaub",
    r"réponse automatique|absen(?:ce|t)|en (?:vacances|congé)",
    r"respuesta automática|fuera de (?:la )?oficina|ausencia|ausente",
    r"risposta automatica|fuori (?:ufficio|sede)|assen[tz]",
    r"resposta automática|fora do escritório|férias",
    r"automatisch antwoord|afwezig|niet aanwezig",
    r"automati(?:skt|sk) svar|autosvar|frånvaro|fravær|ferie\b|automaattinen vastaus",
    r"poissa(?:oloviesti)?\b",
    r"(?:automatyczna odpowiedź|odpowiedź automatyczna|autoodpowiedź)|nieobecność",
    r"автоматический ответ|автоответ",
    r"(?:re: ?)?自動(?:応答|返信)|不在|休暇|自动(?:回复|答复)|自動回覆|자동 ?(?:응답|회신)",
    r"automatická odpověď|automatikus válasz|otomatik yanıt|αυτόματη απάντηση|răspuns automat|odsutnost",
    r"(?:i am |i.m )?(?:currently )?(?:on (?:holiday|leave|vacation)|out of (?:the )?office|not in the office)",
    r"(?:maternity|parental|annual|sick) leave",
)
_SAYS_SO = any_of(
    r"(?:automat(?:ic|ed)|auto)[- ]?(?:generated )?(?:e-?mail )?(?:reply|response|answer)|\[vacation\]",
    r"automatisch(?:e antwort| antwoord| generiert| erstellt| erzeugt)",
    r"réponse automatique|respuesta automática|risposta automatica|resposta automática",
    r"自動(?:返信|応答)|自动回复",
)
# What a person's machine says first, where nothing else marks it: a person who is away does not answer newsletters.
_ABSENT = any_of(
    (
        r"\bi(?: am|.m| will be) (?:currently |now |presently )?"
        r"(?:out of (?:the )?office|away|on (?:\w+ )?(?:leave|holiday|vacation))\b"
    ),
    r"\bich bin (?:\w+ ){0,2}(?:(?:bis|vom|ab) [^\n]{1,30})?(?:nicht im (?:büro|haus)|im urlaub|abwesend|außer haus)",
    r"\bje (?:suis|serai) (?:actuellement )?(?:absent|en (?:congé|vacances))",
    r"\b(?:estoy|estaré) (?:fuera de|de vacaciones)",
    r"\b(?:sono|sarò) (?:fuori|in ferie|assente)|\bestou (?:de férias|ausente|fora)",
    r"\bik ben (?:afwezig|op vakantie|niet aanwezig)",
    r"\bjag är (?:på semester|bortrest)|\bjeg er (?:på ferie|ikke på kontor)",
    r"я (?:нахожусь )?в отпуске|不在にしております|休暇中|正在休假",
)
_GONE = any_of(
    r"\bi no longer work (?:at|for|with)",
    (
        r"\bthis (?:mailbox|e-?mail(?: address)?|account|address) is "
        r"(?:no longer|not) (?:monitored|in use|active|valid|checked)"
    ),
    r"\bich (?:arbeite|bin) nicht mehr (?:bei|für|im)|\bje ne travaille plus|\bya no trabajo",
    r"\bnon lavoro più|\bik werk niet meer",
)
_FIRST_WORDS = 300  # characters
_PROVE_YOURSELF = any_of(
    r"(?:confirm|verify|prove|authenticate)\b[^.\n]{0,80}\byou(?: a|.)re (?:an? )?(?:human|person|real|not)",
    r"sender (?:verification|confirmation|authentication)|challenge[-/ ]response|spam ?arrest|boxbe",
)
_CHALLENGE = any_of(
    r"(?:confirm|verify|authenticate) (?:that )?(?:your|this) (?:message|e-?mail|address|identity|delivery)",
    r"guest list|approved senders?|anti-?spam .{0,40}confirm",
    r"(?:click|reply|respond)\b[^.\n]{0,100}\b(?:be delivered|deliver (?:your|this)|release (?:your|the|this))",
    r"(?:message|mail) (?:has been|is being|was|is) (?:held|quarantined|on hold|placed on hold)",
)
_MOVED = any_of(
    r"no longer (?:work|with|employed|at |using|in use|monitored|active|valid|checked|available|part)",
    r"(?:has|have|i) left (?:the )?(?:company|organi[sz]ation|us|firm)",
    r"(?:mail|e-?mail) address (?:has changed|is no longer|is not in use)",
    r"my (?:new )?(?:e-?mail )?address (?:has changed|is now|is:)|new e-?mail address",
    r"changed (?:my|his|her) e-?mail",
    r"nicht mehr (?:für|bei|im unternehmen|tätig|gültig|erreichbar)|unternehmen verlassen",
    r"neue e-?mail|ausgeschieden",
    r"ne (?:travaille|fait) plus|a quitté|nouvelle adresse|n.est plus (?:valide|utilisée)",
    r"ya no (?:trabaja|forma|está)|nueva dirección|non lavora più|nuovo indirizzo",
    r"não trabalha mais|novo endereço",
    r"niet (?:meer|langer) (?:werkzaam|in dienst)|nieuw e-?mailadres|больше не работает|новый адрес",
    r"メールアドレス(?:を|が)変更|退職|離職|已离职",
)
_AWAY = any_of(
    r"out[- ]of[- ](?:the )?office|on (?:\w+ )?(?:vacation|holiday|leave)\b|away (?:from|until)",
    r"(?:be|am) (?:away|out)\b|back (?:in the office )?on",
    r"nicht im (?:büro|haus)|urlaub|abwesen|en vacances|absen|en congé|vacaciones|fuera de",
    r"in ferie|fuori|assen[tz]",
    r"férias|ausen|vakantie|afwezig|semester|в отпуске|отсутств|不在|休暇|休假",
)
_TICKET = any_of(
    (
        r"\b(?:ticket|case|request|inquiry|enquiry|anfrage|demande|solicitud|richiesta|vorgang|chamado|aanvraag)\b"
        r"[^\n]{0,60}(?:#|\b(?:number|id|no|nr)\b|received|created|opened|assigned|erhalten|reçue|recibid|ricevut)"
    ),
    r"(?:we|i) (?:have )?received your (?:message|e-?mail|request|inquiry)",
    r"your (?:message|request|e-?mail)[^\n]{0,40}received",
    r"ist (?:bei uns )?eingegangen|bien reçu|hemos recibido|abbiamo ricevuto|recebemos|\[?ticket ?#|お問い合わせ",
)


def kind(notice: Notice) -> AutoReply | None:
    """Return what kind of machine's answer this is, or None when a person may have written it (RFC 3834 §5)."""
    subject, text = notice.mail.fields.text("subject"), notice.text[:_EARLY]
    said = f"{subject}\n{text}"
    is_marked = _is_marked(notice)
    if _PROVE_YOURSELF.search(said) or (is_marked and _CHALLENGE.search(said)):
        return AutoReply.CHALLENGE
    if not (is_marked or _SUBJECT.match(subject) or _SAYS_SO.search(said)):
        return None
    for pattern, found in (
        (_MOVED, AutoReply.MOVED),
        (_AWAY, AutoReply.VACATION),
        (_TICKET, AutoReply.TICKET),
    ):
        if pattern.search(said):
            return found
    return AutoReply.VACATION


def is_absence(notice: Notice) -> bool:
    """Say whether somebody's program answers for them: that nothing is forwarded meanwhile is no failure."""
    subject, first = notice.mail.fields.text("subject"), notice.text[:_FIRST_WORDS]
    return not is_named_machine(notice) and bool(_SUBJECT.match(subject) or _ABSENT.search(first))


def unmarked(notice: Notice) -> AutoReply | None:
    """Return what a mail without any mark says of itself in its first words, in the first person."""
    first = notice.text[:_FIRST_WORDS].partition("\n>")[0]
    if _ABSENT.search(first):
        return AutoReply.VACATION
    return AutoReply.MOVED if _GONE.search(first) else None


def _is_marked(notice: Notice) -> bool:
    fields = notice.mail.fields
    submitted = fields.first("auto-submitted").strip().lower()
    return (
        submitted.startswith("auto-replied")
        or any(name in fields for name in _FIELDS)
        or "auto_reply" in f"{fields.first('precedence')} {fields.first('x-precedence')}".lower()
        or is_from_machine(notice)
    )
