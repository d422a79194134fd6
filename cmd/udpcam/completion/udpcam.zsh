#compdef udpcam
_udpcam() {
	local -a asked=("${words[@]:0:$((CURRENT - 1))}") found
	[[ ${words[CURRENT]} == -* ]] && asked+=("${words[CURRENT]}")
	found=("${(@f)$("${asked[@]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
}
compdef _udpcam udpcam
