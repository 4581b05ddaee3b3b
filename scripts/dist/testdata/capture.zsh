# Prints what zsh offers at the end of a command line: capture.zsh USR LINE
zmodload zsh/zpty
zpty shell zsh -f -i
setup="
PROMPT= RPROMPT= PS2=
fpath=($1/share/zsh/site-functions \$fpath)
autoload -Uz compinit && compinit -u -d \$HOME/.zcompdump
zstyle ':completion:*' list-prompt ''
bindkey '^M' undefined
bindkey '^J' undefined
bindkey '^I' complete-word
null-line () { echo -E - \$'\0' }
compprefuncs=(null-line)
comppostfuncs=(null-line exit)
zstyle ':completion:*' list-grouped false
zstyle ':completion:*' insert-tab false
compadd () {
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
		builtin compadd \"\$@\"
		return
	fi
	typeset -a __hits
	builtin compadd -A __hits \"\$@\"
	builtin compadd \"\$@\"
	(( \$#__hits )) && print -rl -- \$IPREFIX\${^__hits}
}
echo ready
"
print -r -- "$setup" >"$HOME/setup.zsh"
zpty -w shell "source $HOME/setup.zsh"
while zpty -r shell line; do
	[[ $line == *ready* ]] && break
done
zpty -n -w shell "$2"$'\t'
integer inside=0
while zpty -r shell line; do
	if [[ $line == *$'\0'* ]]; then
		(( inside++ )) && break
		continue
	fi
	(( inside )) && print -r -- "${line%%[$'\r\n']*}"
done
zpty -d shell
