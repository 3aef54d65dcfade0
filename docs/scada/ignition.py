# Ignition: a project library script `inspectord` (Jython 2.7). Below, `received` and `looked` are what gateway events call; above
# them is the ledger, which needs nothing of Ignition.
import json
import threading

PATIENCE_S = 60
MOST = 1000


def open_ledger(now):
    return {'boxes': {}, 'stations': {}, 'alarms': {}, 'since': now}


def heard(ledger, topic, text, retained, now):
    """Enters a message; `now` in seconds. Returns what there is to say: a list of dictionaries with a `kind`."""
    levels = topic.split('/')
    hear = {'verdict': verdict_heard, 'gap': gap_heard, 'state': state_heard, 'health': health_heard, 'alarm': alarm_heard}.get(levels[-1])
    # The box retains states, health and alarms alone.
    if hear is None or (retained and hear not in (state_heard, health_heard, alarm_heard)):
        return [{'kind': 'unread', 'topic': topic}]
    if text == '':
        gone = {'box': levels[-3], 'station': levels[-2], 'active': 0, 'unacknowledged': 0}
        return alarm_heard(ledger, gone, now) if hear is alarm_heard else []
    try:
        message = json.loads(text)
        if message['schema'] == 1:
            return hear(ledger, message, now)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return [{'kind': 'unread', 'topic': topic}]


def overdue(ledger, now):
    """To be asked every few seconds: which numbers are missing for good."""
    said = []
    for station in ledger['stations'].values():
        box = ledger['boxes'].get(station['box'] + '/', {'state': 'online', 'since': 0, 'waiting': 0})
        # A box that is gone, or has a backlog, may still say it.
        if box['state'] == 'offline' or box['waiting'] > 0:
            continue
        for hole in station['holes']:
            if hole['why'] is None and now - max(hole['since'], box['since'], ledger['since']) >= PATIENCE_S:
                hole['why'] = 'missing'
                said.append(dict(place_of(station), kind='missing', **{'from': hole['from'], 'to': hole['to']}))
    return said


def verdict_heard(ledger, message, now):
    sequence = whole(message['sequence'])
    if not isinstance(message['heatmaps'], list):
        raise ValueError('no verdict')
    station, said = station_of(ledger, message)
    was = enter(station, sequence, message['id'], message['late'], now)
    # Whatever is not said to be good is not good.
    good = message['verdict'] == 'accept' and message.get('resultEvaluation') == 'OK'
    part = dict(place_of(station), kind='part', sequence=sequence, isGood=good)
    for name in ('id', 'part', 'late', 'resultEvaluation', 'reason', 'score'):
        part[name] = message.get(name)
    if was == 'repeated':
        return [dict(part, kind='repeated')]
    if was == 'missing':
        said.append(dict(place_of(station), kind='found', sequence=sequence))
    return said + [part]


def gap_heard(ledger, message, now):
    first, last = whole(message['from']), whole(message['to'])
    station, said = station_of(ledger, message)
    if is_repeated(station, message['id']):
        return [dict(place_of(station), kind='repeated')]
    if station['since'] is not None and last > station['top']:
        station['holes'].append(hole_of(station['top'] + 1, last, now))
        station['top'] = last
    cut(station, first, last, message['reason'])
    gap = {'kind': 'gap', 'from': first, 'to': last, 'reason': message['reason']}
    return said + [dict(place_of(station), **gap)]


def state_heard(ledger, message, now):
    place = message['box'] + '/' + message.get('station', '')
    before = ledger['boxes'].get(place, {'state': None, 'waiting': 0})
    if before['state'] == message['state']:
        return []
    ledger['boxes'][place] = dict(before, state=message['state'], since=now)
    return [{'kind': 'state', 'place': place, 'state': message['state'], 'visionState': message['visionState']}]


def alarm_heard(ledger, message, now):
    place = message['box'] + '/' + message['station']
    numbers = {'active': whole(message['active']), 'unacknowledged': whole(message['unacknowledged'])}
    # Of a station of which we know nothing, nothing stands.
    alarms = ledger.setdefault('alarms', {})
    before = alarms.get(place, {'active': 0, 'unacknowledged': 0})
    alarms[place] = numbers
    return [] if before == numbers else [dict(numbers, kind='alarm', place=place)]


def health_heard(ledger, message, now):
    box = ledger['boxes'].setdefault(message['box'] + '/', {'state': 'online', 'since': 0, 'waiting': 0})
    age = message['outbox']['oldestAgeS']
    # What is younger is on its way.
    box['waiting'] = message['outbox']['verdicts'] if age is not None and age > 10 else 0
    return []


def station_of(ledger, message):
    series = message['id'].rsplit('-', 1)[0]
    key = '/'.join((message['box'], message['station'], series))
    if key in ledger['stations']:
        return ledger['stations'][key], []
    others = [one for one in ledger['stations'].values() if place_of(one) == place_of(message)]
    # Of a later series we have heard from its first number on.
    since = 1 if others else None
    made = {'box': message['box'], 'station': message['station'], 'since': since, 'top': 0, 'holes': [], 'ids': []}
    ledger['stations'][key] = made
    return made, [dict(place_of(made), kind='series', series=series)] if others else []


def enter(station, sequence, id, late, now):
    """What the number was: new, missing (called so before) or repeated."""
    # What waited before we came says nothing of where we begin.
    if station['since'] is None and not late:
        station['since'] = sequence
        station['top'] = sequence - 1
    if station['since'] is None or sequence < station['since']:
        return 'repeated' if is_repeated(station, id) else 'new'
    if sequence > station['top']:
        if sequence > station['top'] + 1:
            station['holes'].append(hole_of(station['top'] + 1, sequence - 1, now))
        station['top'] = sequence
        return 'new'
    hole = cut(station, sequence, sequence, None)
    if hole is None:
        return 'repeated'
    # What waited comes in its order: what lies above may still come.
    if late:
        for above in station['holes']:
            if above['from'] > sequence:
                above['since'] = now
    return 'new' if hole['why'] is None else 'missing'


def cut(station, first, last, why):
    """Takes numbers out of the holes, or leaves them there with a reason. Returns a hole that held some."""
    found = None
    rest = []
    for hole in station['holes']:
        if hole['to'] < first or last < hole['from']:
            rest.append(hole)
            continue
        found = hole
        rest.append(dict(hole, to=first - 1))
        if why is not None:
            rest.append(dict(hole, why=why, **{'from': max(first, hole['from']), 'to': min(last, hole['to'])}))
        rest.append(dict(hole, **{'from': last + 1}))
    station['holes'] = [hole for hole in rest if hole['from'] <= hole['to']][-MOST:]
    return found


def hole_of(first, last, now):
    return {'from': first, 'to': last, 'since': now, 'why': None}


def is_repeated(station, id):
    known = id in station['ids']
    if not known:
        station['ids'] = (station['ids'] + [id])[-MOST:]
    return known


def place_of(one):
    return {'box': one['box'], 'station': one['station']}


def whole(value):
    if isinstance(value, bool) or int(value) != value:
        raise ValueError('no number')
    return int(value)


# What follows runs in a gateway alone.

LOCK = threading.Lock()
INSERT = 'INSERT INTO inspectord_parts (id, box, station, sequence, is_good, result, reason, score, part) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING'


def received(topic, text, retained=False):
    """For each message: stores it, gives the receipt, raises what is to be raised."""
    with LOCK:
        now = system.date.toMillis(system.date.now()) / 1000.0
        ledger = system.util.getGlobals().setdefault('inspectord', open_ledger(now))
        for one in heard(ledger, topic, text, retained, now):
            # What comes twice too: the first one may not have reached the database.
            if one['kind'] in ('part', 'repeated') and 'sequence' in one:
                row = [one[name] for name in ('id', 'box', 'station', 'sequence', 'isGood', 'resultEvaluation', 'reason', 'score', 'part')]
                system.db.runPrepUpdate(INSERT, row, 'inspectord')
                receipt = json.dumps({'station': one['station'], 'sequence': one['sequence']})
                ack = topic.rsplit('/', 2)[0] + '/ack'
                system.cirruslink.engine.publish('Chariot SCADA', ack, receipt.encode('utf-8'), 1, False)
            told(one)


def looked():
    """From a timer, every 5 seconds."""
    with LOCK:
        now = system.date.toMillis(system.date.now()) / 1000.0
        ledger = system.util.getGlobals().setdefault('inspectord', open_ledger(now))
        for one in overdue(ledger, now):
            told(one)


def told(one):
    """Alarms stand on these tags: [default]inspectord/missing (text), and for each station a state and how many alarms wait for somebody."""
    if one['kind'] in ('missing', 'series', 'unread'):
        system.tag.writeBlocking(['[default]inspectord/missing'], [json.dumps(one)])
    elif one['kind'] == 'state':
        system.tag.writeBlocking(['[default]inspectord/states/' + one['place'].rstrip('/')], [one['state']])
    elif one['kind'] == 'alarm':
        system.tag.writeBlocking(['[default]inspectord/alarms/' + one['place']], [one['unacknowledged']])
