# bash completion for authsodctl(8)
# shellcheck shell=bash

_authsodctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' options='--json --help --version' i
  COMPREPLY=()
  case $before in
  --user | --ou | --computer-name | --dc) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    join | leave | testjoin | rotate | status)
      command=${COMP_WORDS[i]}
      break
      ;;
    esac
  done
  case $command in
  join) options+=' --user --password-stdin --ccache --one-time-password --ou --computer-name --dc --enable' ;;
  leave) options+=' --user --password-stdin --ccache --keep-account --dc' ;;
  testjoin) options+=' --dc' ;;
  rotate | status) ;;
  *) options+=' join leave testjoin rotate status' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _authsodctl authsodctl
