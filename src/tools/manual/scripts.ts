/** The shell scripts that make TAB ask `knocktail complete`. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The scripts ask for lines of TEXT, TAB, DESCRIPTION. A text of `:file` or `:folder` is for the shell to complete.
 *
 * @param program `knocktail` or the client, a word for every shell
 */
export function completionScript(shell: Shell, program: string): string {
  return { bash, zsh, fish }[shell](program);
}

const bash = (program: string): string => `# Completion of ${program} for bash.
_${program}() {
  local text about last=\${COMP_WORDS[COMP_CWORD]}
  [ "$last" != = ] || last=
  COMPREPLY=()
  while IFS=$'\\t' read -r text about; do
    case $text in
      :file) compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$last") ;;
      :folder) compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$last") ;;
      *) COMPREPLY+=("$text") ;;
    esac
  done < <(knocktail complete ${program} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _${program} ${program}
`;

const zsh = (program: string): string => `#compdef ${program}
# Completion of ${program} for zsh: a file _${program} in a folder of fpath, or to be sourced after compinit.
_${program}() {
  local text about
  local -a found
  while IFS=$'\\t' read -r text about; do
    case $text in
      :file) compset -P '--*='; _files ;;
      :folder) compset -P '--*='; _files -/ ;;
      *) found+=("\${text//:/\\\\:}\${about:+:$about}") ;;
    esac
  done < <(knocktail complete ${program} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found == 0 )) || _describe ${program} found
}
if [[ $funcstack[1] = _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;

const fish = (program: string): string => `# Completion of ${program} for fish.
function __${program}_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    for line in (knocktail complete ${program} -- $words[2..-1] "$last" 2>/dev/null)
        switch $line
            case ':file*'
                __fish_complete_path "$last"
            case ':folder*'
                __fish_complete_directories "$last" ''
            case '*'
                printf '%s\\n' $line
        end
    end
end
complete -c ${program} -f -a '(__${program}_complete)'
`;
