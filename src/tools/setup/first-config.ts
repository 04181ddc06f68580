/** Writes a first knock.yaml with every key explained. */

import { formatStep } from '../../config/sequence.ts';
import type { Port, Sequence } from '../../model.ts';

export interface FirstConfig {
  readonly sequence: Sequence;
  /** What the knock opens, over TCP. */
  readonly port: Port;
  /** Where editors find the JSON Schema, as it stands in a URL. */
  readonly schema: string;
}

export function firstConfig({ sequence, port, schema }: FirstConfig): string {
  return `# yaml-language-server: $schema=${schema}
#
# Anyone who can read this file can open the door: that should be root and the daemon alone.
# \`knocktail check\` says what is wrong or weak in it, \`knocktail rules\` prints the firewall rules that it needs.

log:
  from: auto                # auto | journal | kmsg | file | stdin
  # path: /var/log/kern.log # for from: file
  prefix: "KNOCK "          # the --log-prefix of the LOG rules, with its blank
  max_age: 10s              # a knock that is older when it is read opens nothing

firewall:
  backend: iptables         # dry-run prints rules and commands and runs neither
  iptables: auto            # auto | nft | legacy | an absolute path
  chain: KNOCKD             # the chain that holds the openings
  hooks: [INPUT]            # the chains that jump to it: FORWARD, DOCKER-USER, ...
  manage: true              # make the chain and the jumps where they are missing

compat: none                # knockd: match sequences as knockd 0.8 does, to the packet
sweep_guard: 8              # a source that touches more ports of no door than this within 10 s is ignored
ipv6: true                  # whether packets over IPv6 count
# interface: eth0           # only packets that came in here count
state: /var/lib/knocktail   # the folder of what must survive a restart

doors:
  ${doorName(port)}:
    sequence: [${sequence.map(formatStep).join(', ')}]   # ports in order, tcp unless they say :udp; drawn by chance
    seq_timeout: 5s         # from the first knock to the last
    tcpflags: [syn]         # TCP packets that do not begin a connection are invisible to this door
    open:                   # for the source that knocked, and for no other
      port: ${port}
      proto: tcp
      for: 30s              # time to log in; what is connected by then stays connected
    # from: [192.0.2.0/24]  # who may knock; others are invisible to this door
`;
}

function doorName(port: Port): string {
  return port === 22 ? 'ssh' : `port-${port}`;
}
