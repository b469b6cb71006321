// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/apparmor"
	"kist/libcontainer/compile"
	"kist/libcontainer/host"
	"kist/libcontainer/state"
	"kist/lxc"
)

// The labels of the security modules: whether they can be given is found out
// before anything exists, since a process that was to be confined must not have
// run otherwise. A process without a label costs nothing here.

// checkLabels proves that the process can be labelled as it asks. For an
// imported container that asks for a profile of its own it names that.
func (c *creation) checkLabels() error {
	if l := c.lxc; l != nil && l.KeyringLabel != "" && !c.NoNewKeyring {
		if c.facts.LSMs(); !c.facts.SELinux {
			return &compile.AnnotationError{Key: lxc.AnnotationKeyringContext, Msg: "SELinux is not enabled on this host: import again here"}
		}
	}
	if c.generates() {
		c.facts.LSMs()
		if err := (apparmor.Host{}).Ready(); err != nil {
			return &compile.AnnotationError{Key: lxc.AnnotationApparmor, Msg: err.Error()}
		}
		return c.nameProfile()
	}
	return checkLabels(c.facts, c.spec.Process)
}

// generates says whether a profile is to be made for the container.
func (c *creation) generates() bool { return c.lxc != nil && c.lxc.AppArmor }

// checkLabels proves that a process can be labelled.
func checkLabels(facts *host.Facts, p *specs.Process) error {
	if p.ApparmorProfile == "" && p.SelinuxLabel == "" {
		return nil
	}
	facts.LSMs()
	if p.ApparmorProfile != "" && facts.AppArmor {
		const pointer = "config.json: /process/apparmorProfile: "
		err := apparmor.Host{}.Check(p.ApparmorProfile)
		if errors.Is(err, apparmor.ErrNotLoaded) {
			return fmt.Errorf(pointer+"AppArmor profile %q %w (%s)", p.ApparmorProfile, err, howToLoad(p.ApparmorProfile))
		}
		if err != nil {
			return fmt.Errorf(pointer+"%w", err)
		}
	}
	return compile.CheckLabels(p, facts)
}

// howToLoad tells what to do about a profile that is not there.
func howToLoad(profile string) string {
	if profile == apparmor.DefaultName {
		return "run: kist apparmor load"
	}
	return "load it with apparmor_parser -r FILE; aa-status lists what is loaded"
}

// nameProfile chooses the profile of an imported container.
func (c *creation) nameProfile() error {
	if p := c.spec.Process.ApparmorProfile; p != "" {
		return &compile.AnnotationError{Key: lxc.AnnotationApparmor, Msg: fmt.Sprintf("process.apparmorProfile is %q already", p)}
	}
	c.profile = apparmor.Host{}.Generate(c.ID, c.rt.Root)
	c.spec.Process.ApparmorProfile = c.profile.Label()
	return nil
}

// makeProfile loads the profile of an imported container, which the record
// names by now.
func (c *creation) makeProfile() error {
	if c.profile.Profile == "" {
		return nil
	}
	defer c.rt.Trace.phase("apparmor")()
	err := apparmor.Host{}.Make(&apparmor.Container{
		Generated: c.profile,
		UserNS:    createsNamespace(c.spec.Linux.Namespaces, specs.UserNamespace),
		CgroupNS:  createsNamespace(c.spec.Linux.Namespaces, specs.CgroupNamespace),
		Nesting:   c.lxc.Nesting,
		Raw:       c.lxc.Raw,
	})
	if err != nil {
		return &compile.AnnotationError{Key: lxc.AnnotationApparmor, Msg: err.Error()}
	}
	return nil
}

// takeProfile removes what makeProfile has made.
func takeProfile(s *state.State) error {
	return apparmor.Host{}.Take(apparmor.Generated{Profile: s.AppArmorProfile, Namespace: s.AppArmorNamespace})
}

// takeProfileOf removes the profile that a container of this id would have, if
// it had one.
func (rt *Runtime) takeProfileOf(id string) error {
	if !(apparmor.Host{}).Enabled() {
		return nil
	}
	return apparmor.Host{}.Take(apparmor.Host{}.Generate(id, rt.Root))
}

// inheritLabels gives a further process of the container the labels of its
// first, unless it has its own: a process that an engine describes without any
// must not be less confined than the container.
func (c *Container) inheritLabels(p *specs.Process, own *specs.Process) *specs.Process {
	profile, label := "", ""
	if own != nil {
		profile, label = own.ApparmorProfile, own.SelinuxLabel
	}
	if c.State.AppArmorProfile != "" {
		profile = apparmor.Generated{Profile: c.State.AppArmorProfile, Namespace: c.State.AppArmorNamespace}.Label()
	}
	if p.ApparmorProfile != "" {
		profile = p.ApparmorProfile
	}
	if p.SelinuxLabel != "" {
		label = p.SelinuxLabel
	}
	if profile == p.ApparmorProfile && label == p.SelinuxLabel {
		return p
	}
	confined := *p
	confined.ApparmorProfile, confined.SelinuxLabel = profile, label
	return &confined
}
