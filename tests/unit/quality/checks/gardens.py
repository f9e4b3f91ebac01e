"""One page of garden rules in twelve languages, which the records of these tests are about."""

from __future__ import annotations

PASSAGES: dict[str, str] = {
    "en": "The gate of the Elm Lane gardens closes at nine in the evening from May to September. A member who loses the key "
    "pays 25 crowns and tells the warden within two days. The tool shed opens every morning at seven; up to two tools may be "
    "borrowed at a time. Dogs must be kept on a lead. Small plots cost 40 crowns a year and large ones 65 crowns. Bonfires are "
    "forbidden. The general meeting takes place in March and elects the warden for three years.",
    "de": "Das Tor der Gärten am Ulmenweg schließt von Mai bis September um neun Uhr abends. Wer den Schlüssel verliert, zahlt "
    "25 Kronen und meldet es dem Wart binnen zwei Tagen. Das Gerätehaus öffnet jeden Morgen um sieben; bis zu zwei Geräte "
    "dürfen gleichzeitig entliehen werden. Hunde sind an der Leine zu führen. Kleine Parzellen kosten 40 Kronen im Jahr, große "
    "65 Kronen. Feuer ist verboten. Die Versammlung findet im März statt und wählt den Wart für drei Jahre.",
    "fr": "Le portail des jardins de l'Orme ferme à neuf heures du soir de mai à septembre. Le membre qui perd la clé paie 25 "
    "couronnes et prévient le gardien sous deux jours. La remise ouvre chaque matin à sept heures ; on peut emprunter deux "
    "outils à la fois. Les chiens sont tenus en laisse. Les petites parcelles coûtent 40 couronnes par an et les grandes 65. Les "
    "feux sont interdits. L'assemblée a lieu en mars et élit le gardien pour trois ans.",
    "es": "La puerta de los huertos del Olmo se cierra a las nueve de la noche de mayo a septiembre. El socio que pierde la llave "
    "paga 25 coronas y avisa al guarda en dos días. El cobertizo abre cada mañana a las siete; se pueden tomar prestadas dos "
    "herramientas a la vez. Los perros van con correa. Las parcelas pequeñas cuestan 40 coronas al año y las grandes 65. Están "
    "prohibidas las hogueras. La asamblea se celebra en marzo y elige al guarda por tres años.",
    "pt": "O portão das hortas do Olmo fecha às nove da noite de maio a setembro. O sócio que perde a chave paga 25 coroas e "
    "avisa o guarda em dois dias. O barracão abre todas as manhãs às sete; podem ser emprestadas duas ferramentas de cada vez. "
    "Os cães andam com trela. Os talhões pequenos custam 40 coroas por ano e os grandes 65. As fogueiras são proibidas. A "
    "assembleia realiza-se em março e elege o guarda por três anos.",
    "it": "Il cancello degli orti dell'Olmo chiude alle nove di sera da maggio a settembre. Il socio che perde la chiave paga 25 "
    "corone e avvisa il custode entro due giorni. La rimessa apre ogni mattina alle sette; si possono prendere due attrezzi alla "
    "volta. I cani vanno tenuti al guinzaglio. Gli orti piccoli costano 40 corone all'anno e quelli grandi 65. I fuochi sono "
    "vietati. L'assemblea si tiene a marzo ed elegge il custode per tre anni.",
    "nl": "Het hek van de tuinen aan de Iepenlaan sluit van mei tot september om negen uur 's avonds. Een lid dat de sleutel "
    "verliest, betaalt 25 kronen en meldt het binnen twee dagen aan de beheerder. De schuur gaat elke ochtend om zeven uur open; "
    "er mogen twee gereedschappen tegelijk worden geleend. Honden moeten aan de lijn. Kleine percelen kosten 40 kronen per jaar "
    "en grote 65. Vuur is verboden. De vergadering is in maart en kiest de beheerder voor drie jaar.",
    "pl": "Brama ogrodów przy ulicy Wiązowej jest zamykana o dziewiątej wieczorem od maja do września. Członek, który zgubi "
    "klucz, płaci 25 koron i zawiadamia dozorcę w ciągu dwóch dni. Szopa jest otwierana co rano o siódmej; można wypożyczyć dwa "
    "narzędzia naraz. Psy prowadzi się na smyczy. Małe działki kosztują 40 koron rocznie, a duże 65. Ogniska są zabronione. "
    "Zebranie odbywa się w marcu i wybiera dozorcę na trzy lata.",
    "zh": "榆树巷花园的大门从五月到九月晚上九点关闭。丢失钥匙的会员须支付25克朗，并在两天内告知管理员。工具房每天早上七点开放，"
    "每人一次最多借两件工具。狗必须拴绳。小块地每年40克朗，大块地每年65克朗。禁止生火。全体会议在三月举行，选举任期三年的管理员。",
    "ja": "楡通り庭園の門は五月から九月まで午後九時に閉まります。鍵をなくした会員は25クローネを支払い、二日以内に管理人に知らせます。"
    "道具小屋は毎朝七時に開き、一度に二つまで道具を借りられます。犬はリードにつなぎます。小区画は年40クローネ、大区画は年65クローネです。"
    "たき火は禁止です。総会は三月に開かれ、任期三年の管理人を選びます。",
    "ar": "تُغلق بوابة حدائق الدردار في التاسعة مساءً من مايو إلى سبتمبر. والعضو الذي يفقد المفتاح يدفع 25 كرونة ويُعلم الحارس خلال "
    "يومين. يفتح مخزن الأدوات كل صباح في السابعة، ويمكن استعارة أداتين في المرة الواحدة. تُقاد الكلاب بالمقود. تكلف القطع الصغيرة 40 كرونة في "
    "السنة والكبيرة 65 كرونة. إشعال النار ممنوع. تُعقد الجمعية العامة في مارس وتنتخب الحارس لثلاث سنوات.",
    "hi": "एल्म लेन बगीचे का फाटक मई से सितंबर तक रात नौ बजे बंद होता है। जो सदस्य चाबी खो देता है वह 25 क्राउन देता है और दो दिन के भीतर "
    "चौकीदार को बताता है। औज़ार घर हर सुबह सात बजे खुलता है और एक बार में दो औज़ार उधार लिए जा सकते हैं। कुत्तों को पट्टे से बाँधकर रखना होता है। "
    "छोटे भूखंड का शुल्क साल में 40 क्राउन और बड़े का 65 क्राउन है। आग जलाना मना है। आम सभा मार्च में होती है और तीन साल के लिए चौकीदार चुनती है।",
}
