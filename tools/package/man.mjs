// The manual page, out of the table of commands.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @returns troff of man(7) */
export async function manualPage(dist, version, date) {
	const { commands } = await import(pathToFileURL(path.join(dist, 'commands', 'table.js')));
	const rows = Object.entries(commands).map(
		([name, { summary }]) => `.TP\n.B ${escaped(name)}\n${escaped(summary)}`,
	);
	return `.TH INSPECTORD 1 "${date}" "inspectord ${version}" "User Commands"
.SH NAME
inspectord \\- visual inspection daemon that teaches itself
.SH SYNOPSIS
.B inspectord
.I COMMAND
.RI [ OPTION ...]
.SH DESCRIPTION
Learns from pictures of good parts what they look like, judges every part that passes a camera, and tells a verdict over MQTT.
.B inspectord COMMAND \\-\\-help
lists the options of a command.
.SH COMMANDS
${rows.join('\n')}
.SH EXIT STATUS
0: done. 1: the world failed, in words. 2: the command was not understood. 70: a fault of ours. 130: interrupted.
.SH FILES
.TP
.I /etc/inspectord/inspectord.yaml
What the service runs; edited by hand or from afar.
.TP
.I /var/lib/inspectord
The journal, bundles, pictures.
.TP
.I /usr/share/doc/inspectord
All documents.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
`;
}

function escaped(text) {
	return text.replaceAll('\\', '\\\\').replaceAll('-', '\\-').replace(/^[.']/gm, '\\&$&');
}
