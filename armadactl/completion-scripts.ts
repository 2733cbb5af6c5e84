/** What a shell reads to complete the command line; each asks the hidden `__complete` for candidates. */
export const COMPLETION_SCRIPTS: ReadonlyMap<string, string> = new Map([
  [
    'bash',
    `# armadactl completion for bash: source <(armadactl completion bash)
_armadactl() {
  local candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("$(printf '%q' "$candidate")")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _armadactl armadactl
`,
  ],
  [
    'zsh',
    `#compdef armadactl
# armadactl completion for zsh: source <(armadactl completion zsh)
_armadactl() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then
    compadd -a candidates
  else
    _files
  fi
}
compdef _armadactl armadactl
`,
  ],
  [
    'fish',
    `# armadactl completion for fish: armadactl completion fish | source
function __armadactl_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  if test (count $candidates) -gt 0
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c armadactl -f -a '(__armadactl_complete)'
`,
  ],
]);
