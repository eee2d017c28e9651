"""Know the words by which readers ask to leave: whole sentences, by language.

A sentence counts only when one of these is all of it, but for politeness: to mention the word is not to ask for it.
"""

from __future__ import annotations

from newsletter.mime.inbound.phrases import any_of, whole

# Up to seven words that say from what; none of them may take the request back in part.
_ONLY_IN_PART = "|".join(
    (
        "but except only keep not instead until while aber nur außer nicht sauf mais pas "
        "pero excepto no ma tranne maar niet"
    ).split()
)
_TAIL = rf"(?:[ ,]+(?!(?:{_ONLY_IN_PART})\b)[^\s,.;]+){{0,7}}"
_ME = r"(?:me|us|my (?:name|e-?mail(?: address)?|address)|this (?:address|e-?mail(?: address)?))"
_MAILS = (
    r"(?:(?:any|more|further|this|these|those|your|the|such|to) ){0,3}"
    r"(?:e-?mails?|mails?|messages?|newsletters?|spam|stuff)"
)

_ENGLISH = (
    rf"un-?sub?s?c?ribe(?: {_ME})?(?: (?:from|of|off|to){_TAIL})?",
    rf"opt[- ]?(?:me )?out(?: (?:from|of){_TAIL})?|sign (?:me )?off(?: (?:from|of){_TAIL})?",
    rf"(?:be|get) (?:unsubscribed|removed|taken off|deleted)(?: (?:from|of|off){_TAIL})?",
    rf"(?:remove|delete) {_ME}(?: (?:from|of|off|out){_TAIL})?|(?:take|get|drop) {_ME} (?:off|from|out){_TAIL}",
    rf"(?:i )?want (?:off|out of) (?:this|your|the){_TAIL}",
    rf"(?:stop|cease|quit) (?:sending|mailing|e-?mailing)(?: me| us)?(?: {_MAILS})?(?: to {_ME})?",
    rf"(?:stop|cease) {_MAILS}",
    rf"(?:do not|don['’]t|never) (?:send|mail|e-?mail|write)(?: to)?(?: me| us)?(?: {_MAILS})?(?: any ?more| again)?",
    rf"(?:i )?(?:no longer|(?:do not|don['’]t)) (?:want|wish)(?: to (?:receive|get))? {_MAILS}(?: any ?more)?",
    r"(?:cancel|end|terminate) (?:my|this|the) (?:newsletter |e-?mail )?subscription",
    rf"no more {_MAILS}",
)
_LIST_DE = r"(?:newsletters?|verteilers?|liste|mailingliste|verteilerliste|abo)"
_GERMAN = (
    (
        rf"(?:möchte ich )?(?:(?:(?:den|diesen|ihren|euren|vom|von diesem|von ihrem|das) )?{_LIST_DE} |mich |meine "
        rf"(?:e-?mail-?)?adresse ){{0,3}}(?:bitte )?(?:(?:von|aus|vom) (?:\w+ ){{0,2}}{_LIST_DE} )?"
        r"(?:abmelden|abbestellen|austragen|löschen|streichen|entfernen|nehmen|kündigen)"
    ),
    (
        rf"(?:meld\w{{1,3}}|nehm\w{{1,2}}|nimm|trag\w{{0,3}}|streich\w{{0,3}}|entfern\w{{0,3}}|lösch\w{{0,3}})"
        rf"(?: sie)? (?:mich|meine adresse)(?: (?:bitte|vom|von|aus|ab){_TAIL})?"
    ),
    rf"(?:aus|von|vom) (?:\w+ ){{0,2}}{_LIST_DE} (?:nehmen|streichen|löschen|entfernen|austragen|abmelden)",
    r"(?:newsletter[- ]?)?(?:abmeldung|abbestellung|austragung|kündigung)(?: (?:vom|des|ihres)? ?newsletters?)?",
    (
        r"(?:ich (?:möchte|will) )?keine (?:weiteren |ihrer )?(?:e-?mails|mails|newsletter)(?: mehr)?(?: von ihnen)?"
        r"(?: erhalten| bekommen| senden| schicken)?"
    ),
)
_FRENCH = (
    rf"(?:me |m['’])?(?:désinscrire|désabonner|retirer|supprimer|radier)(?: (?:mon adresse|de|du|des|à){_TAIL})?",
    rf"(?:désinscri[sv]\w*|désabonne\w*|retirez|supprimez)-moi(?: (?:de|du|des){_TAIL})?|(?:me )?désinscri[st]",
    r"désinscription|désabonnement|stop (?:newsletter|mails?|e-?mails?|pub)",
    rf"(?:je )?ne (?:souhaite|veux|désire) plus recevoir{_TAIL}",
    rf"ne (?:plus )?(?:m['’]|me )(?:plus )?envoye[rz](?: plus)?{_TAIL}|(?:arrêtez|cessez) de m['’]envoyer{_TAIL}",
)
_SPANISH = (
    rf"(?:darme|dar|dame|denme|dadme|darnos) de baja{_TAIL}|(?:la )?baja (?:de|del){_TAIL}",
    rf"cancelar (?:mi |la )?suscripción{_TAIL}",
    rf"(?:desuscribir|eliminar|borrar|quitar)me(?: (?:de|del){_TAIL})?",
    rf"(?:elimín|bórr|desuscríb|quít)[ae]n?me{_TAIL}",
    rf"no (?:quiero|deseo) (?:recibir|más){_TAIL}|no me (?:envíen|manden) más{_TAIL}",
)
_PORTUGUESE = (
    rf"cancel(?:ar|em|e) (?:a )?(?:minha )?(?:inscrição|assinatura|subscrição){_TAIL}",
    rf"(?:descadastrar|remover)-me(?: (?:de|da|do){_TAIL})?|descadastrar|sair (?:da|de|do){_TAIL}",
    rf"(?:me )?(?:descadastr\w+|remova\w?)(?:-me)?(?: (?:de|da|do){_TAIL})",
    rf"não (?:quero|desejo) (?:mais )?receber{_TAIL}|par(?:em|e) de (?:me )?enviar(?:-me)?{_TAIL}",
)
_ITALIAN = (
    rf"(?:cancella|cancela|disiscriv|rimuov|toglie)\w{{0,4}}(?:mi|temi)(?: (?:da|dal|dalla|dai){_TAIL})?",
    rf"(?:chiedo (?:la )?)?(?:disiscrizione|cancellazione){_TAIL}|basta (?:e-?mail|mail|newsletter)",
    rf"(?:annullare|cancellare|cancell?ate|annullate) (?:la mia |il mio )?(?:iscrizione|indirizzo){_TAIL}",
    rf"non (?:voglio|desidero) (?:più )?ricevere{_TAIL}",
)
_DUTCH = (
    (
        rf"(?:(?:mij|me|mijn (?:e-?mail)?adres) )?(?:te )?(?:(?:van|uit|voor) (?:\w+ ){{1,2}})?"
        rf"(?:uitschrijven|afmelden|verwijderen)(?: (?:van|voor|uit){_TAIL})?"
    ),
    rf"uitschrijving|afmelding|(?:schrijf|meld|haal|verwijder) (?:mij|me){_TAIL}|stop met (?:mailen|e-?mailen){_TAIL}",
)
_NORDIC = (
    (
        rf"(?:avregistrera|avprenumerera|ta bort|afmeld|avmeld|fjern|meld)"
        rf"(?: mig| meg| nyhetsbrev\w*| nyhedsbrev\w*){_TAIL}"
    ),
    rf"(?:jag vill )?avsluta (?:min )?prenumeration\w*{_TAIL}|avprenumerera|avmelding|avregistrering|peruuta tilau\w*",
)
_SLAVIC = (
    rf"(?:mnie )?(?:wypisa[ćn]\w*|wypisz\w*|usuń\w*|usunąć|usunięcie|rezygnuję)(?: (?:mnie|się|z|mojego|mój){_TAIL})?",
    rf"(?:отпиши\w* меня|отписать(?:ся| меня)|отписка|удалите меня|исключите меня|отмена подписки){_TAIL}",
    rf"больше не (?:присыл|отправл)\w+{_TAIL}",
    r"odhlásit(?: odběr)?|(?:o )?odhlášení(?: odběru)?",
)
_OTHERS = (
    r"abonelikten çık\w*|aboneliğimi iptal ed\w*|leiratkoz\w*|dezabon\w*|إلغاء الاشتراك|κατάργηση εγγραφής",
    r"수신 ?거부(?: (?:해 ?주세요|부탁\w*))?|구독 ?(?:취소|해지)(?: (?:해 ?주세요|부탁\w*))?",
)

REQUEST = whole(
    *_ENGLISH,
    *_GERMAN,
    *_FRENCH,
    *_SPANISH,
    *_PORTUGUESE,
    *_ITALIAN,
    *_DUTCH,
    *_NORDIC,
    *_SLAVIC,
    *_OTHERS,
)
# One word that may as well begin a reader's remark: it must be all that is said.
ONLY_WORD = whole(
    r"stop|remove|leave|cancel|unsub|delete",
    r"abmelden|austragen|désinscrire|désabonner|baja|cancelar|eliminar|remover|sair|cancellami|cancellarmi",
    r"afmelden|uitschrijven|afmeld|avmeld|avregistrera|стоп",
)
# Japanese and Chinese write no spaces, so a short sentence that holds the words and no negation is enough.
EAST = any_of(
    r"(?:配信|購読|登録|メルマガ|ニュースレター)[^。\n]{0,15}(?:停止|解除|解約|中止|止めて|やめて|削除)",
    r"退会(?:希望|したい|します|を|させて)",
    r"退订|取消订阅|取消訂閱|不要再(?:发|寄)|从邮件列表中(?:删除|移除)",
)
EAST_NOT = any_of(r"ないで|しません|せんで|たくない|不想(?:退订|取消)|不要(?:退订|取消)|方法|どう|[?？]|か。")
# What takes a request back, or asks how to make one.
NOT = any_of(
    r"\b(?:not|don['’]?t|never|without|instead|why|how|unless)\b[^.,;\n]{0,25}(?:unsub|remov|opt|cancel)",
    r"\b(?:nicht|wie|warum)\b[^.,;\n]{0,25}(?:abmeld|abbestell|austrag|unsub)",
    r"\b(?:pas|jamais|comment|pourquoi)\b[^.,;\n]{0,25}(?:désins|désabon|retir)",
    r"\bne (?:me |m['’])?(?:désins|désab|retir|supprim)\w* (?:pas|jamais)",
    r"\b(?:no|não|non|nunca|mai|cómo|como|come)\b[^.,;\n]{0,15}(?:baja|cancel|suscri|descadast|remov|disiscri)",
    r"\b(?:niet|geen|hoe|inte|ikke|nie|jak|не|как)\b[^.,;\n]{0,25}(?:uitschrij|afmeld|avreg|avmeld|wypis|отпис)",
    r"\b(?:mich|me|mij)\b[^.,;\n]{0,15}\b(?:nicht|pas|niet)\b",
)
# A question asks for it only when it asks us to do it.
ASKING_US = any_of(
    r"\A\W*(?:can|could|would|will|please|können|könnten|pouvez|pourriez|pued|podr|potete|può|kunt|kun|pode)",
)
