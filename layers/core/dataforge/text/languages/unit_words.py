"""Units of measure in twelve languages: what they measure, how large they are, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """Units of one dimension are converted by their factors; a factor of 0 says that there is nothing to convert."""

    name: str
    dimension: str
    factor: float


def _units(dimension: str, rows: str) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for row in rows.strip().replace("\n          ", " ").splitlines():
        name, factor, *words = row.split()
        unit = Unit(name, dimension, float(factor))
        found |= {word.replace("_", " "): unit for word in (name, *words)}
    return found


BY_WORD: dict[str, Unit] = {
    **_units("time", """
        second 1 s sec secs seconds sekunde sekunden sek seconde secondes segundo segundos secondo secondi seconden
          sekunda sekundy sekund 秒 秒钟 秒間 ثانية ثوان ثواني सेकंड सेकेंड
        minute 60 min mins minutes minuten minuto minutos minuti minuut minuta minuty minut 分钟 分鐘 分 分間 دقيقة
          دقائق
          मिनट
        hour 3600 h hr hrs hours stunde stunden std heure heures hora horas ora ore uur uren godzina godziny godzin
          godz
          小时 小時 個小時 个小时 时间 時間 ساعة ساعات ساعتان ساعتين घंटे घंटा घंटों
        day 86400 d days arbeitstage arbeitstagen arbeitstag werktage werktagen kalendertage werkdagen tag tage
          tagen jour jours día días dia dias giorno giorni dag dagen dzień dni
          天 日 日間 يوم يوما يومًا أيام يومان يومين दिन दिनों
        week 604800 weeks woche wochen semaine semaines semana semanas settimana settimane week weken tydzień
          tygodnie tygodni
          周 週 星期 个星期 週間 أسبوع أسبوعا أسبوعًا أسابيع أسبوعان أسبوعين सप्ताह हफ्ते
        month 2629800 months monat monate monaten mois mes meses mês mese mesi maand maanden miesiąc miesiące miesięcy
          个月 個月 ヶ月 か月 カ月 شهر شهرا شهرًا أشهر شهور شهران شهرين महीने महीना माह
        year 31557600 years yr yrs jahr jahre jahren année années an ans año años ano anos anno anni jaar jaren rok
          lata lat
          年 年间 年間 سنة سنوات عام أعوام عاما عامًا سنتان سنتين साल वर्ष
        decade 315576000 decades jahrzehnt jahrzehnte décennie décennies década décadas decennio
        century 3155760000 centuries jahrhundert jahrhunderte siècle siècles siglo siglos século secolo 世纪 世紀
          قرن قرون
    """),
    **_units("length", """
        mm 0.001 millimetre millimetres millimeter millimeters millimètre millimètres milímetro milímetros 毫米 مليمتر
          ミリ
        cm 0.01 centimetre centimetres centimeter centimeters zentimeter centimètre centimètres centímetro
          centímetros 厘米 公分 سنتيمتر سم センチ
        m 1 metre metres meter meters metern mètre mètres metro metros metri metrów metra metry 米 公尺 متر أمتار مترا
          مترًا मीटर メートル
        km 1000 kilometre kilometres kilometer kilometers kilometern kilomètre kilomètres kilómetro kilómetros
          quilômetro quilômetros
          chilometro chilometri kilometrów 公里 千米 كيلومتر كم किलोमीटर किमी キロメートル
        mile 1609.344 miles mi meile meilen milla millas milha milhas miglio miglia mil mijl 英里 ميل أميال मील マイル
        nautical_mile 1852 nautical_miles seemeile seemeilen mille_marin milles_marins milla_náutica millas_náuticas
          海里 ميل_بحري أميال_بحرية
        foot 0.3048 feet ft fuß pied pieds pie pies pé pés 英尺 قدم أقدام
        inch 0.0254 inches zoll pouce pouces pulgada pulgadas polegada polegadas pollice pollici 英寸 بوصة インチ
        yard 0.9144 yards yarda yardas 码
    """),
    **_units("area", """
        m2 1 sqm square_metre square_metres square_meter square_meters quadratmeter quadratmetern mètre_carré
          mètres_carrés
          metro_cuadrado metros_cuadrados metro_quadrado metros_quadrados metri_quadrati 平方米 平米 متر_مربع
          مترا_مربعا
          مترًا_مربعًا 平方メートル
        km2 1000000 square_kilometre square_kilometres square_kilometer square_kilometers quadratkilometer
          kilomètres_carrés
          kilómetros_cuadrados 平方公里 كيلومتر_مربع
        square_mile 2589988 square_miles sq_mi 平方英里
        hectare 10000 hectares ha hektar hectárea hectáreas ettaro ettari 公顷 هكتار
        acre 4046.86 acres
    """),
    **_units("volume", """
        ml 0.001 millilitre millilitres milliliter milliliters mililitro mililitros 毫升 مل مليلتر
        litre 1 l litres liter liters litern litro litros litri litrów litry 升 公升 لتر لترا لترًا लीटर リットル
        m3 1000 cubic_metre cubic_metres cubic_meter cubic_meters kubikmeter mètre_cube mètres_cubes metro_cúbico
          metros_cúbicos 立方米 متر_مكعب
        gallon 3.785 gallons galón galones
    """),
    **_units("mass", """
        mg 0.000001 milligram milligrams milligramm miligramo miligramos 毫克 ملغ مليغرام
        g 0.001 gram grams gramm gramme grammes gramo gramos grama gramas grammo grammi gramów 克 غرام غ जी ग्राम
          グラム
        kg 1 kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes kilogramo kilogramos quilograma
          quilogramas quilo quilos
          chilogrammo chilogrammi chili kilogramów 公斤 千克 كيلوغرام كيلوغراما كيلوغرامات كيلوغرامين كغ كيلو
          किलोग्राम
          किलो キログラム キロ
        tonne 1000 tonnes t ton tons tonnen tonelada toneladas tonnellata tonnellate 吨 طن أطنان टन トン
        ounce 0.02835 ounces oz
        lb 0.45359 lbs
    """),
    **_units("temperature", """
        °c 0 celsius degrees_celsius grad_celsius degrés_celsius grados_celsius 摄氏度 مئوية
        °f 0 fahrenheit degrees_fahrenheit grad_fahrenheit 华氏度
        degree 0 degrees ° grad degré degrés grado grados grau graus gradi graden stopni 度 درجة درجات
    """),
    **_units("share", """
        % 0.01 percent per_cent pct prozent pour_cent por_ciento por_cento per_cento procent procento 百分 بالمئة
          بالمائة في_المئة في_المائة प्रतिशत パーセント
        percentage_point 0.01 percentage_points prozentpunkt prozentpunkte 百分点
    """),
    **_units("money of one kind", """
        euro 1 euros eur € 欧元 يورو ユーロ
        cent 0.01 cents centimes céntimos
    """),
    **_units("money", """
        dollar 0 dollars usd $ us$ dólar dólares dollari dolarów 美元 دولار دولارا دولارات डॉलर ドル
        pound 0 pounds gbp £ pfund livre livres libra libras 英镑 جنيه
        yuan 0 cny rmb 元 块 人民币
        riyal 0 riyals sar ريال ريالا ريالًا ريالات
        yen 0 jpy ¥ 円
        rupee 0 rupees inr ₹ रुपये रुपए रुपया
        zloty 0 pln zł złoty złotych złote
        franc 0 francs chf franken
    """),
    **_units("data", """
        byte 1 bytes octet octets 字节 بايت
        kb 1000 kilobyte kilobytes
        mb 1000000 megabyte megabytes 兆 ميغابايت
        gb 1000000000 gigabyte gigabytes غيغابايت
        tb 1000000000000 terabyte terabytes
    """),
    **_units("data rate", """
        kbit/s 1000 kbps
        mbit/s 1000000 mbps megabits megabit
        gbit/s 1000000000 gbps gigabits gigabit
    """),
    **_units("power", """
        w 1 watt watts vatio vatios 瓦 واط ワット
        kw 1000 kilowatt kilowatts kilovatio kilovatios quilowatts 千瓦 كيلوواط
        mw 1000000 megawatt megawatts megavatios
    """),
    **_units("energy", """
        wh 1 watt_hour watt_hours wattstunden
        kwh 1000 kilowatt_hour kilowatt_hours kilowattstunde kilowattstunden kilowattheures kilovatios_hora 千瓦时
          度电
        mwh 1000000
        joule 0.000277778 joules
        kcal 1.163 kilokalorien
    """),
    **_units("frequency", """
        hz 1 hertz
        khz 1000
        mhz 1000000
        ghz 1000000000
    """),
    **_units("speed", """
        knot 0.514444 knots knoten nœuds nudo nudos 节
        km/h 0.277778 kmh kph
        mph 0.44704
        m/s 1
    """),
    **_units("voltage", "v 1 volt volts voltio voltios 伏 فولت\nkv 1000 kilovolt"),
    **_units("current", "a 1 ampere amp amps amperios\nma 0.001 milliampere\nmah 0.001"),
    **_units("pressure", "bar 1 bars\nmbar 0.001\npsi 0.0689\nhpa 0.001\nkpa 0.01"),
    **_units("torque", "newton_metre 1 nm newton_metres newton_meters newtonmeter"),
    **_units("sound", "db 0 decibel decibels dezibel décibels decibelio decibelios 分贝 ديسيبل"),
}  # fmt: skip
"""By a word as text writes it, folded."""

_LARGE_WORDS = """
    1e3 thousand tausend mille mil mila duizend tysięcy tysiące k 千 ألف آلاف हज़ार हजार
    1e4 万 萬
    1e5 lakh लाख
    1e6 million millions mln mio millionen millón millones milhão milhões milione milioni miljoen milionów miliony مليون
    1e6 ملايين
    1e7 crore करोड़
    1e8 亿 億
    1e9 billion billions bn mrd milliarde milliarden milliard milliards miliardo miliardi miljard miliardów مليار
    1e9 مليارات
    1e12 trillion trillions billón billones
"""
LARGE: dict[str, float] = {
    word: float(row.split()[0]) for row in _LARGE_WORDS.strip().splitlines() for word in row.split()[1:]
}
"""Words that multiply the number before them."""

_BETWEEN_WORDS = """
    working business calendar consecutive full whole paid single official additional more further extra volle vollen
    weitere weiterer zusätzliche jours ouvrés laborables hábiles
"""
BETWEEN = frozenset(_BETWEEN_WORDS.split())
"""They may stand between a number and its unit."""

_PER_WORDS = "a an per each every pro je por par al alla a' au pour la voor op na لكل كل في 每 प्रति 毎 /"
PER = frozenset(_PER_WORDS.split()) | {"à l'"}

_MONTH_WORDS = """
    january february march april may june july august september october november december
    januar februar märz april mai juni juli august september oktober november dezember
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    januari februari maart april mei juni juli augustus september oktober november december
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
    जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर
    jan feb mar apr may jun jul aug sep oct nov dec
"""
MONTHS: dict[str, int] = {
    word: at for row in _MONTH_WORDS.strip().splitlines() for at, word in enumerate(row.split(), 1)
}
