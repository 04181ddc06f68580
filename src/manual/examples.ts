/** Shows how each command is used, for its help and the manual. */

export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  run: ['knocktail run', 'knocktail run -c /etc/knockd.conf --dry-run -v'],
  init: ['knocktail init --port 22'],
  add: ['knocktail add web --port 443 --for 10m'],
  check: ['knocktail check --strict'],
  rules: ['knocktail rules', 'knocktail rules --apply'],
  doctor: ['knocktail doctor', 'knocktail doctor --knock --json'],
  test: ['knocktail test ssh'],
  health: ['knocktail health || systemctl restart knocktail'],
  replay: ['knocktail replay', 'knocktail replay --json /var/log/kern.log'],
  explain: [
    'knocktail explain',
    'knocktail explain --source 198.51.100.2 /var/log/kern.log',
    'dmesg | knocktail explain --format any',
    'journalctl -k -o short-iso-precise | knocktail explain -',
  ],
  report: ['knocktail report /var/log/kern.log*', 'knocktail report --html report.html /var/log/kern.log'],
  parse: ['knocktail parse', 'knocktail parse --follow /var/log/kern.log'],
  list: ['knocktail list'],
  open: ['knocktail open ssh 192.0.2.7 --for 5m'],
  close: ['knocktail close ssh 192.0.2.7'],
  flush: ['knocktail flush'],
  show: ['knocktail show ssh --host your.server'],
  convert: ['knocktail convert /etc/knockd.conf > knock.yaml'],
  schema: ['knocktail schema > knock.schema.json'],
  completion: ['. <(knocktail completion bash)'],
};
