package collector

import (
	"context"
	"maps"
	"time"

	"github.com/go-kit/log/level"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// changePass is a look for changed dialogs that is under way.
type changePass struct {
	mark  int64 // the watermark when it is finished
	sweep *chatapi.Sweep[chatapi.Dialog]
	log   *ledger
}

// readChanges reads the dialogs with updated_at since the watermark. A full
// scan under way gets those that it has passed, and will come to the others.
func (s *scanner) readChanges(ctx context.Context, proven *proofs, until time.Time) (fresh bool, err error) {
	if usable, err := proven.usable(filterUpdated); err != nil || !usable {
		return err == nil && s.marks != nil, err
	}
	if s.marks == nil && s.running == nil || s.running != nil && s.pass == nil && time.Since(s.passed) < s.every {
		return false, nil
	}
	if s.pass == nil {
		s.pass = &changePass{log: &ledger{}, sweep: s.sweep(chatapi.AllIDs(), chatapi.UpdatedAt.Cond(chatapi.Gte, max(0, s.watermark-changeOverlap)))}
		s.pass.mark = s.clock()
	}
	p := s.pass
	err = p.sweep.Run(ctx, 1, until, func(rows []chatapi.Dialog) {
		for i := range rows {
			s.meet(&rows[i])
			p.log.note(&rows[i], true)
			if s.running != nil && s.running.sweep.Passed(rows[i].ID) {
				s.running.log.note(&rows[i], true)
			}
		}
	})
	if err != nil {
		s.app.proofs.doubt(chatapi.Dialogs, err)
		return false, err
	}
	if len(p.sweep.Left()) > 0 {
		return false, nil
	}
	s.pass, s.passed = nil, time.Now()
	s.watermark = p.mark
	if s.marks == nil {
		return false, nil
	}
	if p.log.len() > 0 {
		err = s.setMarks(s.marks.with(p.log))
	}
	return err == nil, err
}

// createdBefore counts the dialogs created before a settled time, the latest
// there is. Such a number can only fall, and only by deletions.
func (s *scanner) createdBefore(ctx context.Context, proven *proofs, unix int64) (int64, error) {
	if proven.empty {
		return 0, nil
	}
	n, err := s.app.client.Lane(chatapi.LaneScan).CountDialogs(ctx, chatapi.CreatedAt.Cond(chatapi.Lt, unix))
	if err != nil {
		s.app.proofs.doubt(chatapi.Dialogs, err)
	}
	return n, err
}

// settled is the time up to which dialogs can be counted by created_at.
func (s *scanner) settled(proven *proofs) (unix int64, ok bool) {
	usable, err := proven.usable(filterCreated)
	t, known := s.app.client.Settled()
	return t.Unix() - closeAfter, usable && err == nil && known
}

// lookForDeletions compares the number of dialogs with what it must be if none
// was deleted: no row tells that. It comes after a pass, which has met all
// dialogs created by then; of those that are gone, too, it has noted the marks.
func (s *scanner) lookForDeletions(ctx context.Context, proven *proofs) error {
	at, ok := s.settled(proven)
	if !ok || s.running != nil || s.base.At == 0 || at <= s.base.At || time.Since(s.checked) < checkScans*s.every {
		return nil
	}
	now, err := s.createdBefore(ctx, proven, at)
	if err != nil {
		return err
	}
	created := int64(0)
	if s.young != nil && s.pass == nil && s.watermark >= at {
		for _, t := range s.young {
			if t < at {
				created++
			}
		}
	} else if created, err = s.app.client.Lane(chatapi.LaneScan).CountDialogs(ctx, chatapi.CreatedAt.In(s.base.At, at)...); err != nil {
		return err
	}
	s.noticeDeletions(s.base.Rows + created - now)
	s.base, s.checked = baseline{now, at}, time.Now()
	s.forgetYoung()
	return nil
}

// forgetYoung drops the dialogs that a new baseline counts.
func (s *scanner) forgetYoung() {
	if s.young == nil {
		s.young = map[chatapi.ObjectID]int64{}
	}
	since := s.base.At
	if s.running != nil {
		since = s.running.Base.At
	}
	maps.DeleteFunc(s.young, func(_ chatapi.ObjectID, created int64) bool { return created < since })
}

func (s *scanner) noticeDeletions(n int64) {
	if n <= 0 {
		return
	}
	if !s.forward {
		level.Info(s.app.logger).Log("msg", "dialogs were deleted; the next full scan is brought forward", "collector", "mutes", "deleted", n)
	}
	s.forward = true
}
