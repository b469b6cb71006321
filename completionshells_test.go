// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// The writers of the completion files, one per shell. They get the table of
// completions_test.go, and nothing of them is in the binary.

const completionHead = "# SPDX-License-Identifier: Apache-2.0\n" +
	"# Made from the command table by: go test -run Completions -update .\n"

// signalNames are offered as the second operand of kill.
const signalNames = "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH"

// apparmorVerbs are what kist apparmor can do.
const apparmorVerbs = "load show status unload"

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func bashCompletion(global []completedFlag, commands []completedCommand) string {
	var b strings.Builder
	b.WriteString(completionHead + `# shellcheck shell=bash

# _kist_ids: the containers of the state directory that the line names.
_kist_ids() {
	kist ${root:+--root "$root"} list --quiet 2>/dev/null
}

# _kist_value FLAG: sets values and action to what can follow the flag; fails if nothing does.
_kist_value() {
	values='' action=''
	case $command:$1 in
`)
	seen := map[string]bool{}
	add := func(command string, flags []completedFlag) {
		for _, f := range flags {
			if f.kind == valueNone || f.joined {
				continue
			}
			var patterns []string
			for _, n := range f.names {
				patterns = append(patterns, command+":"+n)
				if strings.HasPrefix(n, "--") {
					patterns = append(patterns, command+":"+n[1:])
				}
			}
			line := strings.Join(patterns, "|") + ")"
			switch f.kind {
			case valueFile:
				line += " action='file'"
			case valueDir:
				line += " action='directory'"
			case valueID:
				line += " values=$(_kist_ids)"
			case valueChoice:
				line += " values=" + quoteShell(strings.Join(f.words, " "))
			default:
				line += " :"
			}
			if !seen[line] {
				fmt.Fprintf(&b, "\t%s ;;\n", line)
				seen[line] = true
			}
		}
	}
	add("", global)
	for _, c := range commands {
		add(c.name, c.flags)
	}
	b.WriteString("\t*) return 1 ;;\n\tesac\n}\n\n# _kist_flags: the flags of $command.\n_kist_flags() {\n\tcase $command in\n")
	flags := func(command string, list []completedFlag) {
		var all []string
		for _, f := range list {
			all = append(all, f.names[0])
		}
		fmt.Fprintf(&b, "\t%s) echo %s ;;\n", command, quoteShell(strings.Join(all, " ")))
	}
	flags("''", global)
	for _, c := range commands {
		flags(c.name, c.flags)
	}
	var names, ids, dirs, files []string
	for _, c := range commands {
		names = append(names, c.name)
		switch c.operand {
		case valueID:
			ids = append(ids, c.name)
		case valueDir:
			dirs = append(dirs, c.name)
		case valueFile:
			files = append(files, c.name)
		}
	}
	b.WriteString("\tesac\n}\n\n_kist() {\n\tlocal command='' root='' values action word i operands=0\n")
	b.WriteString(`	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	# Bash makes three words of --flag=value.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -* ]]; then
			if _kist_value "$word"; then
				[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
				((i++))
				[[ -z $command && $word == *-root && $i -lt $COMP_CWORD ]] && root=${COMP_WORDS[i]}
			elif [[ ${COMP_WORDS[i + 1]} == = ]]; then
				((i += 2))
			fi
		elif [[ -z $command ]]; then
			command=$word
		else
			((operands++))
		fi
	done
	values='' action=''
	if [[ $prev == -* ]] && _kist_value "$prev"; then
		:
	elif [[ $cur == -* ]]; then
		values=$(_kist_flags)
	elif [[ -z $command ]]; then
`)
	fmt.Fprintf(&b, "\t\tvalues=%s\n", quoteShell(strings.Join(names, " ")))
	b.WriteString("\telse\n\t\tcase $command:$operands in\n")
	operand := func(list []string, index, line string) {
		if len(list) > 0 {
			fmt.Fprintf(&b, "\t\t%s:%s) %s ;;\n", strings.Join(list, ":"+index+"|"), index, line)
		}
	}
	operand(ids, "0", "values=$(_kist_ids)")
	operand([]string{"kill"}, "1", "values="+quoteShell(signalNames))
	operand([]string{"apparmor"}, "0", "values="+quoteShell(apparmorVerbs))
	operand(dirs, "[01]", "action='directory'")
	operand(files, "[01]", "action='file'")
	b.WriteString(`		esac
	fi
	if [[ -n $action ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -A "$action" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
	fi
}

complete -F _kist kist
`)
	return b.String()
}

// zshText makes a description part of a specification of _arguments.
func zshText(s string) string {
	return strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}

func zshFlags(list []completedFlag) string {
	var b strings.Builder
	for _, f := range list {
		value := ""
		switch f.kind {
		case valueAny:
			value = ":value:"
		case valueFile:
			value = ":file:_files"
		case valueDir:
			value = ":directory:_files -/"
		case valueID:
			value = ":container:_kist_ids"
		case valueChoice:
			value = ":value:(" + strings.Join(f.words, " ") + ")"
		}
		for _, n := range f.names {
			form := n
			switch {
			case f.joined:
				form += "=-"
				value = "::file:_files"
			case f.kind != valueNone && strings.HasPrefix(n, "--"):
				form += "="
			}
			fmt.Fprintf(&b, "\t\t\t%s\n", quoteShell("*"+form+"["+zshText(f.usage)+"]"+value))
		}
	}
	return b.String()
}

func zshCompletion(global []completedFlag, commands []completedCommand) string {
	var b strings.Builder
	b.WriteString("#compdef kist\n" + completionHead + `
_kist_ids() {
	local -a ids
	ids=(${(f)"$(kist $kist_root list --quiet 2>/dev/null)"})
	compadd -a ids
}

_kist() {
	local context state state_descr line
	local -a flags commands kist_root
	typeset -A opt_args
	flags=(
`)
	b.WriteString(zshFlags(global))
	b.WriteString("\t)\n\t_arguments -C $flags '1:command:->command' '*::argument:->argument' && return\n")
	b.WriteString("\t[[ -n ${opt_args[--root]} ]] && kist_root=(--root ${(Q)opt_args[--root]})\n")
	b.WriteString("\tcase $state in\n\tcommand)\n\t\tcommands=(\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "\t\t\t%s\n", quoteShell(c.name+":"+c.usage))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\t;;\n\targument)\n\t\tcase $line[1] in\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "\t\t%s)\n\t\t\tflags=(\n%s\t\t\t)\n", c.name, zshFlags(c.flags))
		operand := ""
		switch c.operand {
		case valueID:
			operand = " '1:container:_kist_ids'"
		case valueDir:
			operand = " '*:bundle:_files -/'"
		case valueFile:
			operand = " '*:file:_files'"
		}
		switch c.name {
		case "kill":
			operand += " '2:signal:(" + signalNames + ")'"
		case "apparmor":
			operand = " '1:action:(" + apparmorVerbs + ")'"
		case "exec":
			operand += " '*::command:_normal'"
		}
		fmt.Fprintf(&b, "\t\t\t_arguments $flags%s\n\t\t\t;;\n", operand)
	}
	b.WriteString("\t\tesac\n\t\t;;\n\tesac\n}\n\n_kist \"$@\"\n")
	return b.String()
}

func fishFlags(b *strings.Builder, condition string, list []completedFlag) {
	for _, f := range list {
		fmt.Fprintf(b, "complete -c kist -n %s", quoteFish(condition))
		for _, n := range f.names {
			if strings.HasPrefix(n, "--") {
				b.WriteString(" -l " + n[2:])
			} else {
				b.WriteString(" -s " + n[1:])
			}
		}
		switch {
		case f.kind == valueNone, f.joined:
		case f.kind == valueFile:
			b.WriteString(" -rF")
		case f.kind == valueDir:
			b.WriteString(" -xa '(__fish_complete_directories)'")
		case f.kind == valueID:
			b.WriteString(" -xa '(__kist_ids)'")
		case f.kind == valueChoice:
			b.WriteString(" -xa " + quoteFish(strings.Join(f.words, " ")))
		default:
			b.WriteString(" -x")
		}
		b.WriteString(" -d " + quoteFish(f.usage) + "\n")
	}
}

func quoteFish(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func fishCompletion(global []completedFlag, commands []completedCommand) string {
	var b strings.Builder
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	b.WriteString(completionHead + `
# The containers of the state directory that the line names.
function __kist_ids
    set -l words (commandline -opc)
    set -l root
    for i in (seq (count $words))
        switch $words[$i]
            case '--root=*' '-root=*'
                set root --root (string replace -r '^-*root=' '' -- $words[$i])
            case --root -root
                test $i -lt (count $words); and set root --root $words[(math $i + 1)]
        end
    end
    kist $root list --quiet 2>/dev/null
end

`)
	b.WriteString("set -l commands " + strings.Join(names, " ") + "\n\ncomplete -c kist -f\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "complete -c kist -n \"not __fish_seen_subcommand_from $commands\" -a %s -d %s\n", c.name, quoteFish(c.usage))
	}
	var g strings.Builder
	fishFlags(&g, "@", global)
	b.WriteString(strings.ReplaceAll(g.String(), "-n '@'", `-n "not __fish_seen_subcommand_from $commands"`))
	for _, c := range commands {
		condition := "__fish_seen_subcommand_from " + c.name
		fishFlags(&b, condition, c.flags)
		switch c.operand {
		case valueID:
			fmt.Fprintf(&b, "complete -c kist -n %s -a '(__kist_ids)'\n", quoteFish(condition))
		case valueDir:
			fmt.Fprintf(&b, "complete -c kist -n %s -a '(__fish_complete_directories)'\n", quoteFish(condition))
		case valueFile:
			fmt.Fprintf(&b, "complete -c kist -n %s -F\n", quoteFish(condition))
		}
	}
	fmt.Fprintf(&b, "complete -c kist -n '__fish_seen_subcommand_from kill' -a %s\n", quoteFish(signalNames))
	fmt.Fprintf(&b, "complete -c kist -n '__fish_seen_subcommand_from apparmor' -a %s\n", quoteFish(apparmorVerbs))
	return b.String()
}
