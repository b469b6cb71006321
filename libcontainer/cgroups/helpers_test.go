// SPDX-License-Identifier: Apache-2.0

package cgroups

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }
