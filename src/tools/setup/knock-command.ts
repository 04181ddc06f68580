/** Writes the command lines that knock a sequence from another machine. */

import { formatStep } from '../../config/sequence.ts';
import type { Sequence, Step } from '../../model.ts';

/** A host does not answer a knock: how long bash waits for an answer to a SYN before it gives up. */
const WAIT_SECONDS = 0.3;

/** For the client of knockd or knocktail. */
export function knockCommand(host: string, sequence: Sequence): string {
  return ['knock', host, ...sequence.map(formatStep)].join(' ');
}

/** For a machine that has bash and no knock client. */
export function bashCommand(host: string, sequence: Sequence): string {
  if (!sequence.some(({ proto }) => proto === 'icmp')) {
    const paths = sequence.flatMap((step) => (step.proto === 'icmp' ? [] : [devicePath(host, step)]));
    return `for p in ${paths.join(' ')}; do ${bashKnock('$p')}; done 2>/dev/null`;
  }
  const lines = sequence.map((step) =>
    step.proto === 'icmp' ? pingCommand(host, step.size) : bashKnock(devicePath(host, step)),
  );
  return `{ ${lines.join('; ')}; } >/dev/null 2>&1`;
}

/** For Windows PowerShell 5.1 and PowerShell 7. */
export function powershellScript(host: string, sequence: Sequence): string {
  const steps = sequence.map((step) => {
    const text = step.proto === 'icmp' ? `${step.size ?? 32}/icmp` : `${step.port}/${step.proto}`;
    return `'${text}'`;
  });
  return `$to = [Net.Dns]::GetHostAddresses('${host}')[0]
foreach ($step in ${steps.join(', ')}) {
  $number, $proto = $step -split '/'
  if ($proto -eq 'icmp') {
    ping.exe -n 1 -w 300 -l $number $to | Out-Null
  } elseif ($proto -eq 'udp') {
    $socket = [Net.Sockets.UdpClient]::new($to.AddressFamily)
    [void]$socket.Send([byte[]]@(0), 1, [Net.IPEndPoint]::new($to, [int]$number))
    $socket.Close()
  } else {
    $socket = [Net.Sockets.TcpClient]::new($to.AddressFamily)
    [void]$socket.ConnectAsync($to, [int]$number)
    Start-Sleep -Milliseconds 200
    $socket.Close()
  }
}`;
}

function devicePath(host: string, { proto, port }: Exclude<Step, { readonly proto: 'icmp' }>): string {
  return `${proto}/${host}/${port}`;
}

function bashKnock(path: string): string {
  return `timeout ${WAIT_SECONDS} bash -c "echo >/dev/${path}"`;
}

function pingCommand(host: string, size: number | null): string {
  const payload = size === null ? [] : ['-s', String(size)];
  return ['timeout', String(WAIT_SECONDS), 'ping', '-c', '1', ...payload, host].join(' ');
}
