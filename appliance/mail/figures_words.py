"""What the mail with figures says around them, in each language; the figures' own names are those of the pages."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "subject": "{office}: {name}, {period}", "figure": "Figure", "value": "Value", "before": "Before", "target": "Target",
        "compared": "Compared with {period}.", "thresholds": "T is {level} s, S is {short} s.",
        "missed": "off its target", "alarm": "far from its target", "nothing": "Nothing happened in this period.",
        "more": "Further rows: {count}.", "files": "All figures with their formulas are attached.",
        "left_out": "Too large for a mail: {files}. See the page of figures.",
        "footer": "Sent by Switchroom, as [[reports]] \"{name}\" of the configuration says.",
        "queue": "Queue", "agent": "Agent", "line": "Line", "campaign": "Campaign", "day": "Day", "hour": "Hour",
        "weekday": "Day of the week", "clock": "Hour of the day",
    },
    "fi": {
        "subject": "{office}: {name}, {period}", "figure": "Tunnusluku", "value": "Arvo", "before": "Aiemmin",
        "target": "Tavoite", "compared": "Vertailu: {period}.",
        "thresholds": "T on {level} s, S on {short} s.",
        "missed": "tavoite ei täyty", "alarm": "kaukana tavoitteesta", "nothing": "Tällä jaksolla ei tapahtunut mitään.",
        "more": "Muita rivejä: {count}.", "files": "Kaikki tunnusluvut kaavoineen ovat liitteenä.",
        "left_out": "Liian suuri sähköpostiin: {files}. Katso tunnuslukujen sivu.",
        "footer": "Lähettäjä Switchroom, asetusten [[reports]] \"{name}\" mukaan.",
        "queue": "Jono", "agent": "Asiakaspalvelija", "line": "Linja", "campaign": "Kampanja", "day": "Päivä", "hour": "Tunti",
        "weekday": "Viikonpäivä", "clock": "Kellonaika",
    },
    "ru": {
        "subject": "{office}: {name}, {period}", "figure": "Показатель", "value": "Значение", "before": "Ранее",
        "target": "Цель", "compared": "В сравнении с {period}.", "thresholds": "T = {level} с, S = {short} с.",
        "missed": "цель не достигнута", "alarm": "далеко от цели", "nothing": "За этот период ничего не было.",
        "more": "Ещё строк: {count}.", "files": "Все показатели с формулами приложены.",
        "left_out": "Слишком велико для письма: {files}. Смотрите страницу показателей.",
        "footer": "Отправлено Switchroom согласно [[reports]] «{name}» в конфигурации.",
        "queue": "Очередь", "agent": "Оператор", "line": "Линия", "campaign": "Кампания", "day": "День", "hour": "Час",
        "weekday": "День недели", "clock": "Час суток",
    },
    "uk": {
        "subject": "{office}: {name}, {period}", "figure": "Показник", "value": "Значення", "before": "Раніше",
        "target": "Ціль", "compared": "Порівняно з {period}.", "thresholds": "T = {level} с, S = {short} с.",
        "missed": "ціль не досягнуто", "alarm": "далеко від цілі", "nothing": "За цей період нічого не було.",
        "more": "Ще рядків: {count}.", "files": "Усі показники з формулами додано.",
        "left_out": "Завелике для листа: {files}. Дивіться сторінку показників.",
        "footer": "Надіслано Switchroom згідно з [[reports]] «{name}» у конфігурації.",
        "queue": "Черга", "agent": "Оператор", "line": "Лінія", "campaign": "Кампанія", "day": "День", "hour": "Година",
        "weekday": "День тижня", "clock": "Година доби",
    },
    "zh": {
        "subject": "{office}：{name}，{period}", "figure": "指标", "value": "数值", "before": "此前", "target": "目标",
        "compared": "对比时段：{period}。", "thresholds": "T 为 {level} 秒，S 为 {short} 秒。",
        "missed": "未达目标", "alarm": "远未达标", "nothing": "此时段没有任何记录。", "more": "另有 {count} 行。",
        "files": "全部指标及其公式见附件。", "left_out": "附件过大，未发送：{files}。请查看指标页面。",
        "footer": "由 Switchroom 按配置中的 [[reports]] “{name}” 发送。",
        "queue": "队列", "agent": "坐席", "line": "线路", "campaign": "通知任务", "day": "日期", "hour": "小时",
        "weekday": "星期", "clock": "时段",
    },
}  # fmt: skip
