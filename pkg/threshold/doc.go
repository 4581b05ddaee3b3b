// Package threshold is the vocabulary of alarms: ranges as the Monitoring
// Plugins guideline writes them, and the four states a check can end in.
//
// A range says which values are fine, and everything else alerts; with a
// leading "@" it says which values alert. Both ends belong to the range.
//
//	10       alert below 0 or above 10
//	10:      alert below 10
//	~:10     alert above 10
//	10:20    alert below 10 or above 20
//	@10:20   alert from 10 to 20, ends included
//
// The package is pure: it reads nothing and imports nothing of this project.
//
// Guideline: https://www.monitoring-plugins.org/doc/guidelines.html#THRESHOLDFORMAT
package threshold
