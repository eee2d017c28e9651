"""Words in general use in other languages than English, as stems: endings, and accents that get lost, are left open."""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

_USER_DE = (
    r"(empf\w{1,3}nger\w*|benutzer\w*|nutzer\w*|postfach\w*|adresse\w*|mailadresse|konto|anwender|teilnehmer)"
)
_USER_FR = r"(utilisateur|destinataire|adresse|compte|bo\wte)"
_USER_ES = r"(usu[aá]rio|destinat[aá]rio|direcci[oó]n|cuenta|buz[oó]n|casilla|endere[cç]o|conta|caixa|correo)"
_USER_IT = r"(utente|destinatario|indirizzo|casella|account)"
_USER_SLAVIC = r"(u[zż]ytkownik\w*|odbiorc\w*|adres\w*|skrzynk\w*|konto|u[zž]ivatel\w*|schr[aá]nk\w*|adresa)"
_USER_RU = r"(пользовател\w*|получател\w*|адрес\w*|ящик\w*|учетн\w* запис\w*|аккаунт\w*|користувач\w*)"
_USER_ZH = r"(用户|用戶|使用者|收件人|收信人|邮箱|郵箱|信箱|帐号|账号|帳號|地址)"
_USER_JA = r"(宛先|ユーザー?|受信者|アドレス|メールボックス|アカウント)"
_USER_KO = r"(사용자|수신자|계정|주소|메일함|사서함)"

LANGUAGES = family(
    "languages",
    (
        "rejected",
        r"absender\w*( \S+)? (abgelehnt|unbekannt|ung\w+ltig|nicht)",
        r"exp[eé]diteur .{0,20}(refus|inconnu|invalide)",
    ),
    (
        "spamdetected",
        r"als spam",
        r"垃圾邮件",
        r"垃圾郵件",
        r"迷惑メール",
        r"спам",
        r"come spam",
        r"como spam",
    ),
    (
        "mesgtoobig",
        r"nachricht\w* ist zu gro",
        r"trop (volumineux|gros)",
        r"demasiado grande",
        r"troppo grande",
    ),
    ("mesgtoobig", r"muito grande", r"(邮件|郵件)(太大|过大|過大)", r"слишком больш"),
    # German, Dutch, Scandinavian
    ("hostunknown", r"dom(ain|\wne)\w*NEAR(nicht gefunden|existiert nicht|unbekannt)"),
    (
        "mailboxfull",
        r"(postfach|mailbox)\w*NEAR(voll|ersch\w+pft|\w+berschritten)",
        r"(postvak|brevl\wdan|postkasse\w*)NEAR(vol|full|fuld)",
    ),
    ("suspend", rf"{_USER_DE}NEAR(gesperrt|deaktiviert|abgeschaltet|stillgelegt)"),
    (
        "userunknown",
        rf"{_USER_DE}\b.{{0,80}}(unbekannt|existiert nicht|nicht (gefunden|bekannt|vorhanden|existent))",
    ),
    ("userunknown", rf"(unbekannte\w?|kein solcher|ung\w{{1,3}}ltige\w?) {_USER_DE}"),
    ("userunknown", r"(onbekende|ukendt|ok\wnd|ukjent) \w+", r"bestaat niet", r"tuntematon"),
    ("networkerror", r"verbindungNEAR(nicht|fehlgeschlagen|abgebrochen)"),
    # French
    ("hostunknown", r"domaineNEAR(introuvable|inexistant|inconnu|existe pas)"),
    ("mailboxfull", r"bo\wteNEAR(pleine|satur\we)", r"quota d\wpass"),
    ("suspend", rf"{_USER_FR}NEAR(d\wsactiv\w+|suspendu\w*|inactif|bloqu\w|ferm\w\b)"),
    ("userunknown", rf"{_USER_FR}NEAR(inconnue?|inexistante?|introuvable|existe pas|invalide)"),
    # Spanish, Portuguese
    ("mailboxfull", rf"{_USER_ES}NEAR(llen[oa]|chei[oa])\b", r"cuota excedida", r"cota excedida"),
    (
        "suspend",
        rf"{_USER_ES}NEAR(d[ei]s(h?abilitad|ativad|activad)[oa]|suspen[sd]\w*|bloquead[oa]|inativ[oa])",
    ),
    (
        "userunknown",
        rf"{_USER_ES}NEAR(desconocid[oa]|des?conhecid[oa]|inexistente|no existe|n[aã]o existe|inv[aá]lid[oa])",
    ),
    (
        "userunknown",
        rf"no se encontr\wNEAR{_USER_ES}",
        rf"{_USER_ES}NEAR(n[aã]o|no) (encontrad|foi encontrad)",
    ),
    # Italian
    ("mailboxfull", r"casellaNEARpiena"),
    ("suspend", rf"{_USER_IT}NEAR(disabilitat[oa]|sospes[oa]|disattivat[oa])"),
    ("userunknown", rf"{_USER_IT}NEAR(sconosciut[oa]|inesistente|non esiste|non trovat[oa])"),
    # Polish, Czech, Hungarian, Turkish
    ("mailboxfull", r"(skrzynk\w*|schr\wnk\w*)NEAR(pe\wn|pln\w|przepe\w+)", r"(kutusu|kota\w*) (dolu|dol)"),
    ("suspend", rf"{_USER_SLAVIC}NEAR(zablokowan\w*|nieaktywn\w*|blokov\w*|deaktiv\w*)"),
    (
        "userunknown",
        rf"(nieznan\w|nezn\wm\w) {_USER_SLAVIC}",
        rf"{_USER_SLAVIC}NEAR(nie istnieje|neexistuje|nieznan)",
    ),
    ("userunknown", r"nie ma takiego", r"ismeretlen (c\wmzett|felhaszn)", r"kullan\wc\w bulunamad"),
    # Russian, Ukrainian
    ("mailboxfull", r"ящик\w*NEARпереполнен", r"превышен\w*NEARквот", r"(недостаточно|нет)NEARмест"),
    ("suspend", rf"{_USER_RU}NEAR(заблокирован|отключен|приостановлен|неактив)"),
    (
        "userunknown",
        rf"{_USER_RU}NEAR(не (найден|существует|зарегистрирован)|неизвест|нет\b|не знайден|не існує)",
    ),
    ("userunknown", rf"(неизвестн\w*|несуществующ\w*|такого|невідом\w*) {_USER_RU}"),
    # Chinese, Japanese, Korean: no spaces between words
    (
        "mailboxfull",
        rf"{_USER_ZH}.{{0,10}}(已满|已滿|空间不足|空間不足|超出|容量)",
        r"(容量|一杯|いっぱい|満杯).{0,10}(です|超|ため)?",
    ),
    ("mailboxfull", rf"{_USER_KO}.{{0,10}}(용량|가득|초과)"),
    (
        "suspend",
        rf"{_USER_ZH}.{{0,10}}(禁用|停用|冻结|凍結|锁定)",
        rf"{_USER_JA}.{{0,10}}(停止|無効|休止)",
        r"(휴면|정지된?) ?계정",
    ),
    (
        "userunknown",
        rf"{_USER_ZH}.{{0,10}}(不存在|无效|無效|未找到)",
        rf"(找不到|没有|沒有).{{0,6}}{_USER_ZH}",
    ),
    ("userunknown", r"(ディレクトリ|リスト).{0,8}(見つかりません|ありません)"),
    ("userunknown", rf"{_USER_JA}.{{0,12}}(存在しま|存在しない|見つかりま|不明|ありません)", r"宛先不明"),
    ("userunknown", rf"{_USER_KO}.{{0,6}}(찾을 수 없|존재하지)", rf"존재하지 않는.{{0,4}}{_USER_KO}"),
)
