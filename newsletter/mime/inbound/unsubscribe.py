"""Recognise readers who ask by mail to leave: by the address they wrote to, or by what they say themselves.

A wrong unsubscribe loses a reader, so whole sentences must match: to mention the word is not to ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.mime.inbound import addresses
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.phrases import any_of, whole

_ADDRESS = re.compile(
    r"(?:u-[0-9a-z]{34}|(?:[\w.-]{1,64}-)?(?:unsub(?:scribe)?|leave|signoff)(?:[+.=_-][\w.+=-]{1,64})?)@",
    re.IGNORECASE,
)
_OWN_MAX = 2000  # characters of the reader's own words
_SENTENCES_MAX = 3  # of them that are looked at, greetings not counted
_QUOTATION = any_of(
    r"^[ \t]*(?:>|\||-{2}[ \t]*$|_{5,80}|-{2,80} ?\w[\w' ]{3,40} ?-{2,80})",
    r"^[ \t*]*(?:from|von|de|da|van|från|fra|od|от|差出人|发件人)[ \t]?[:：][* \t]",
    r"^(?:on|am|le|el|il|op|em|den|dnia|w dniu) [^\n]{5,150}(?:\n[^\n]{0,80})?"
    r"(?:wrote|schrieb|écrit|escribió|scritto|schreef|escreveu|skrev|napisał\(?a?\)?) ?:",
    r"^[^\n]{5,100}(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev"
    r"|написал\w*) ?:[ \t]*$",
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|day|evening)|hallo|guten (?:tag|morgen|abend)"
    r"|sehr geehrte\w*|liebe[rs]?|moin|bonjour|madame"
    r"|monsieur|hola|buen[oa]s? \w+|estimad[oa]s?|ciao|buongiorno|salve|gentil[ei]|olá|bom dia"
    r"|boa tarde|beste|geachte|goede\w*|hej"
    r"|cześć|witam|dzień dobry|здравствуйте|добрый день)\b[^.!?\n]{0,40}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]?")
_TAIL = r"(?:[ ,]+[^\s,.;]+){0,7}"  # from what, in a few words
_ME = r"(?:me|us|my (?:name|e-?mail(?: address)?|address)|this (?:e-?mail )?address)"
_MAILS = (
    r"(?:(?:any|more|further|this|these|those|your|the|such|to) ){0,3}"
    r"(?:e-?mails?|mails?|messages?|newsletters?|spam|stuff)"
)
_REQUEST = whole(
    rf"(?:un-?subscribe|unsubcribe|unsuscribe|opt[- ]?(?:me )?out|sign off)(?: {_ME})?(?: (?:from"
    rf"|of|off|to){_TAIL})?",
    rf"(?:be|get) (?:unsubscribed|removed|taken off|deleted)(?: (?:from|of|off){_TAIL})?",
    rf"(?:remove|delete|take) {_ME}(?: off)?(?: (?:from|of|off|out){_TAIL})?",
    rf"(?:stop|cease|quit) (?:(?:sending|mailing|e-?mailing)(?: me| us)?(?: {_MAILS})?"
    rf"|{_MAILS})(?: to {_ME})?",
    rf"(?:do not|don['’]t|never) (?:send|mail|e-?mail|write)(?: to)?(?: me"
    rf"| us)?(?: {_MAILS})?(?: any ?more| again)?",
    rf"(?:i )?(?:no longer (?:want|wish)|(?:do not|don['’]t) (?:want|wish))(?: to (?:receive"
    rf"|get))? {_MAILS}(?: any ?more)?",
    r"(?:cancel|end|terminate) (?:my|this|the) (?:newsletter |e-?mail )?subscription",
    rf"no more {_MAILS}",
    # German
    r"(?:möchte ich )?(?:(?:(?:den|diesen|ihren|euren|vom|von diesem|aus dem"
    r"|von ihrem) )?newsletter |mich |meine (?:e-?mail-?)?adresse ){0,3}(?:bitte )?"
    r"(?:(?:von|aus) (?:\w+ ){0,2}(?:newsletter|verteiler|liste|mailingliste) )?"
    r"(?:abmelden|abbestellen|austragen|löschen|streichen|entfernen|kündigen)",
    rf"(?:meld\w{{1,3}}|nehm\w{{1,2}}|nimm|trag\w{{0,3}}|streich\w{{0,3}}|entfern\w{{0,3}}"
    rf"|lösch\w{{0,3}})(?: sie)? (?:mich|meine adresse)"
    rf"(?: (?:bitte|vom|von|aus|ab){_TAIL})?",
    r"(?:newsletter[- ]?)?(?:abmeldung|abbestellung|austragung|kündigung)(?: (?:vom|des"
    r"|ihres)? ?newsletters?)?",
    r"(?:ich (?:möchte|will) )?keine (?:weiteren |ihrer )?(?:e-?mails|mails"
    r"|newsletter)(?: mehr)?(?: erhalten| bekommen| senden| schicken)?",
    # French
    rf"(?:me |m['’])?(?:désinscrire|désabonner|désinscri[sv]\w*-moi|désabonne\w*-moi"
    rf"|retire[rz](?:-moi)?|supprime[rz](?:-moi)?|radier)"
    rf"(?: (?:mon adresse|de|du|des|à){_TAIL})?",
    rf"désinscription|désabonnement|(?:me )?désinscri[st]|(?:je )?ne (?:souhaite|veux"
    rf"|désire) plus recevoir{_TAIL}",
    rf"ne (?:plus )?(?:m['’]|me )(?:plus )?envoye[rz](?: plus)?{_TAIL}",
    # Spanish, Portuguese, Italian
    rf"(?:darme|dar|dame|denme|dadme|darnos) de baja{_TAIL}|baja(?: (?:de|del){_TAIL})"
    rf"|cancelar (?:mi |la )?suscripción{_TAIL}",
    rf"(?:desuscribir|eliminar|borrar|quitar)(?:me)(?: (?:de|del){_TAIL})?|(?:elimín|bórr"
    rf"|desuscríb)[ae]n?me{_TAIL}",
    rf"no (?:quiero|deseo) (?:recibir|más){_TAIL}|no me (?:envíen|manden) más{_TAIL}",
    rf"cancelar (?:a )?(?:minha )?(?:inscrição|assinatura|subscrição){_TAIL}|(?:descadastrar"
    rf"|remover)(?:-me)(?: (?:de|da|do){_TAIL})?",
    rf"descadastrar|(?:me )?(?:descadastr\w+|remova\w?(?:-me)?)(?: (?:de|da|do){_TAIL})"
    rf"|não (?:quero|desejo) (?:mais )?receber{_TAIL}",
    rf"(?:cancella|disiscriv|rimuov|toglie)\w{{0,4}}(?:mi|temi)(?: (?:da|dal|dalla|dai){_TAIL})?"
    rf"|disiscrizione|cancellazione{_TAIL}",
    rf"(?:annullare|cancellare) (?:la mia |il mio )?(?:iscrizione|indirizzo){_TAIL}|non (?:voglio"
    rf"|desidero) (?:più )?ricevere{_TAIL}",
    # Dutch, Scandinavian
    rf"(?:(?:mij|me|mijn (?:e-?mail)?adres) )?(?:te )?(?:(?:van|uit"
    rf"|voor) (?:\w+ ){{1,2}})?(?:uitschrijven|afmelden|verwijderen)(?: (?:van|voor|uit){_TAIL})?",
    rf"uitschrijving|afmelding|(?:schrijf|meld|haal) (?:mij|me){_TAIL}",
    rf"(?:avregistrera|avprenumerera|ta bort|afmeld|avmeld|fjern|meld)(?: mig| meg| nyhetsbrev\w*"
    rf"| nyhedsbrev\w*){_TAIL}|avprenumerera",
    # Polish, Russian
    rf"(?:mnie )?(?:wypisa[ćn]\w*|wypisz\w*|usuń\w*|usunąć|usunięcie|rezygnuję)(?: (?:mnie|się|z"
    rf"|mojego|mój){_TAIL})?",
    rf"(?:отпиши\w* меня|отписать(?:ся| меня)|отписка|удалите меня|исключите меня"
    rf"|отмена подписки){_TAIL}|больше не (?:присыл|отправл)\w+{_TAIL}",
)
# One word that may as well begin a reader's remark: it must be all that is said.
_ONLY_WORD = whole(
    "stop|end|remove|leave|cancel|unsub|abmelden|austragen|désinscrire|désabonner|baja|cancelar|eliminar|remover|sair|cancellami|cancellarmi"
    "|afmelden|uitschrijven|afmeld|avmeld|avregistrera|стоп"
)
# Japanese and Chinese write no spaces, so a short sentence that holds the words and no negation is enough.
_EAST = any_of(
    r"(?:配信|購読|登録|メルマガ|ニュースレター)[^。\n]{0,15}(?:停止|解除|解約|中止|止めて|やめて|削除)",
    r"退会(?:希望|したい|します|を|させて)|退订|取消订阅|取消訂閱|不要再(?:发|寄)",
)
_EAST_MAX = 60  # characters of such a sentence
_EAST_NOT = any_of(
    r"ないで|しません|せんで|たくない|不想(?:退订|取消)|不要(?:退订|取消)|方法|どう|[?？]|か。"
)
_NOT = any_of(
    r"\b(?:not|don['’]?t|never|without|instead|why|how|unless|nicht|niet|geen|inte|ikke|nie|не|wie"
    r"|warum|comment|pourquoi|cómo|hoe|jak|как)\b"
    r"[^.,;\n]{0,25}(?:unsub|remov|opt|cancel|abmeld|abbestell|austrag|désins|désabon|baja|suscri"
    r"|disiscri|uitschrij|afmeld|avreg|wypis|отпис)",
    r"\b(?:no|não|non)\b[^.,;\n]{0,15}(?:baja|cancel|suscri|descadast|remov|disiscri)",
    r"\bne (?:me |m['’])?(?:désins|désab|retir|supprim)\w* (?:pas|jamais)|\b(?:mich|me"
    r"|mij)\b[^.,;\n]{0,15}\b(?:nicht|pas|niet)\b",
)
_SUBJECT_MAX = 100  # characters of a subject that is nothing but the request


def request(notice: Notice) -> str:
    """Return the address or the words by which a person asks to leave, or "".

    What machines write must have been told apart before.
    """
    fields = notice.mail.fields
    own = _own(notice.written)
    if _NOT.search(own):
        return ""
    if address(notice):
        return address(notice)
    subject = fields.text("subject").strip()[:_SUBJECT_MAX]
    if _is_request(subject, is_brief=True):
        return subject
    said = list(_sentences(own))
    is_brief = len(said) < _SENTENCES_MAX  # the word, and perhaps a name
    return next((sentence for sentence in said if _is_request(sentence, is_brief=is_brief)), "")


def address(notice: Notice) -> str:
    """Return the address for leaving that a message was written to, or ""."""
    fields = notice.mail.fields
    written_to = addresses.in_fields(fields, "to", "cc", "delivered-to", "x-original-to", "envelope-to")
    return next((address for address in written_to if _ADDRESS.match(address)), "")


def _is_request(sentence: str, *, is_brief: bool) -> bool:
    if _REQUEST.fullmatch(sentence) or (is_brief and _ONLY_WORD.fullmatch(sentence)):
        return True
    return len(sentence) < _EAST_MAX and bool(_EAST.search(sentence)) and not _EAST_NOT.search(sentence)


def _own(text: str) -> str:
    """Return what the writer added above the quotation and the signature."""
    cut = _QUOTATION.search(text)
    return text[: cut.start() if cut else len(text)][:_OWN_MAX]


def _sentences(own: str) -> Iterator[str]:
    said = (sentence.group().strip() for sentence in _SENTENCE.finditer(own))
    kept = [sentence for sentence in said if sentence and not _GREETING.fullmatch(sentence.strip(" ,.!"))]
    yield from kept[:_SENTENCES_MAX]
