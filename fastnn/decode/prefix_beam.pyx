"""Prefix beam search: the most probable labelings of a sequence, frame by frame, a beam of prefixes at a time."""

from libc.math cimport INFINITY, exp, log1p
from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc

cimport numpy as cnp
import numpy as np

cnp.import_array()

cdef enum:
    NONE = -1

# A prefix in the beam, or a candidate for it: the logarithms of the probabilities of its alignments that end in the
# blank, that end in its last label, and of both. As a candidate, parent is a place in the beam, and label NONE for the
# prefix that is there already.
ctypedef struct Prefix:
    double blank, label_at_end, all
    Py_ssize_t node
    Py_ssize_t parent
    int32_t label

# A node of the tree of all prefixes that have been in a beam. place: in the present one, or NONE.
ctypedef struct Node:
    Py_ssize_t parent
    int32_t label
    Py_ssize_t place


cdef inline double log_sum(double a, double b) noexcept nogil:
    """log(exp(a) + exp(b))"""
    if a < b:
        a, b = b, a
    return a if b == -INFINITY else a + log1p(exp(b - a))


cdef inline bint worse(const Prefix *a, const Prefix *b) noexcept nogil:
    """Whether a is less probable than b; of equals, the one that was found later."""
    if a.all != b.all:
        return a.all < b.all
    return a.parent > b.parent or (a.parent == b.parent and a.label > b.label)


cdef class PrefixBeam:
    """A search over one sequence at a time, with up to `width` prefixes in the beam. blank: its class."""

    cdef Py_ssize_t width, nodes, slots, found, present
    cdef int32_t blank
    cdef Node *node
    cdef Py_ssize_t *slot  # a hash table: the node with this parent and label, or NONE
    cdef Prefix *beam
    cdef Prefix *heap      # of the best candidates, the worst of them first

    def __init__(self, width: int, blank: int) -> None:
        self.width, self.blank = width, blank

    def __dealloc__(self) -> None:
        free(self.node)
        free(self.slot)
        free(self.beam)
        free(self.heap)

    def search(self, log_p: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """The labelings in the last beam with the logarithms of their probabilities, the most probable first.

        log_p: float64 (frames, classes) in C order, logarithms of probabilities.
        """
        cdef cnp.ndarray given = np.ascontiguousarray(log_p, np.float64)
        cdef const double *p = <const double *> cnp.PyArray_DATA(given)
        cdef Py_ssize_t t, frames = cnp.PyArray_DIM(given, 0), classes = cnp.PyArray_DIM(given, 1)
        self.start()
        for t in range(frames):
            self.make_room(classes)
            with nogil:
                self.step(classes, p + t * classes)
        return [(self.labels_of(self.beam[i].node), self.beam[i].all) for i in self.order()]

    cdef list order(self):
        """The places of the beam, the most probable first."""
        cdef Py_ssize_t i
        return sorted(range(self.present), key=lambda i: -self.beam[<Py_ssize_t> i].all)

    cdef object labels_of(self, Py_ssize_t node):
        labels = []
        while node > 0:
            labels.append(self.node[node].label)
            node = self.node[node].parent
        return np.array(labels[::-1], np.int64)

    cdef void start(self) except *:
        """The empty prefix alone, which ends in a blank."""
        cdef Py_ssize_t i
        self.nodes = self.found = self.present = 0
        self.grow(1)
        for i in range(self.slots):
            self.slot[i] = NONE
        self.add_node(NONE, NONE)
        self.beam = <Prefix *> checked(realloc(self.beam, sizeof(Prefix)))
        self.beam[0] = Prefix(blank=0, label_at_end=-INFINITY, all=0, node=0, parent=0, label=NONE)
        self.node[0].place, self.present = 0, 1

    cdef void make_room(self, Py_ssize_t classes) except *:
        """Memory for the beam after the next step."""
        cdef Py_ssize_t most = min(self.width, self.present * classes)
        self.beam = <Prefix *> checked(realloc(self.beam, max(most, self.present) * sizeof(Prefix)))
        self.heap = <Prefix *> checked(realloc(self.heap, most * sizeof(Prefix)))
        self.grow(self.nodes + most)

    cdef void grow(self, Py_ssize_t nodes) except *:
        """Memory for that many nodes, with at most half of the slots in use."""
        cdef Py_ssize_t i, slots = max(self.slots, 64)
        while slots < 2 * nodes:
            slots *= 2
        if slots == self.slots:
            return
        self.node = <Node *> checked(realloc(self.node, slots // 2 * sizeof(Node)))
        self.slot = <Py_ssize_t *> checked(realloc(self.slot, slots * sizeof(Py_ssize_t)))
        self.slots = slots
        for i in range(slots):
            self.slot[i] = NONE
        for i in range(self.nodes):
            self.slot[self.slot_of(self.node[i].parent, self.node[i].label)] = i

    cdef Py_ssize_t slot_of(self, Py_ssize_t parent, int32_t label) noexcept nogil:
        """The slot of the node with this parent and label, or the free one where it would be."""
        cdef size_t hashed = (<size_t> parent * 0x9E3779B97F4A7C15u) ^ (<size_t> label * 0xC2B2AE3D27D4EB4Fu)
        cdef Py_ssize_t at = <Py_ssize_t> ((hashed ^ (hashed >> 29)) & <size_t> (self.slots - 1))
        while self.slot[at] != NONE:
            if self.node[self.slot[at]].parent == parent and self.node[self.slot[at]].label == label:
                break
            at = (at + 1) & (self.slots - 1)
        return at

    cdef Py_ssize_t add_node(self, Py_ssize_t parent, int32_t label) noexcept nogil:
        """The node with this parent and label, a new one if there is none."""
        cdef Py_ssize_t at = self.slot_of(parent, label)
        if self.slot[at] == NONE:
            self.slot[at] = self.nodes
            self.node[self.nodes] = Node(parent=parent, label=label, place=NONE)
            self.nodes += 1
        return self.slot[at]

    cdef bint in_beam(self, Py_ssize_t parent, int32_t label) noexcept nogil:
        """Whether the prefix of this node and then the label is in the beam."""
        cdef Py_ssize_t child = self.slot[self.slot_of(parent, label)]
        return child != NONE and self.node[child].place != NONE

    cdef void step(self, Py_ssize_t classes, const double *p) noexcept nogil:
        """The beam of the next frame, from the logarithms of its probabilities."""
        cdef Py_ssize_t i
        cdef int32_t c
        cdef Prefix candidate
        cdef Node *last
        self.found = 0
        for i in range(self.present):
            last = &self.node[self.beam[i].node]
            candidate = Prefix(
                blank=self.beam[i].all + p[self.blank], label_at_end=-INFINITY, all=0, node=0, parent=i, label=NONE
            )
            if last.label != NONE:
                candidate.label_at_end = self.beam[i].label_at_end + p[last.label]
                if self.node[last.parent].place != NONE:
                    candidate.label_at_end = log_sum(
                        candidate.label_at_end, self.before(self.node[last.parent].place, last.label) + p[last.label]
                    )
            candidate.all = log_sum(candidate.blank, candidate.label_at_end)
            if candidate.all > -INFINITY:
                self.offer(candidate)
            for c in range(<int32_t> classes):
                if c == self.blank:
                    continue
                candidate.all = candidate.label_at_end = self.before(i, c) + p[c]
                if candidate.all == -INFINITY or (self.found == self.width and candidate.all <= self.heap[0].all):
                    continue
                candidate.label = c
                if not self.in_beam(self.beam[i].node, c):  # or the prefix that is there has it
                    self.offer(Prefix(
                        blank=-INFINITY, label_at_end=candidate.all, all=candidate.all, node=0, parent=i, label=c
                    ))
        self.replace()

    cdef double before(self, Py_ssize_t place, int32_t label) noexcept nogil:
        """Of the alignments of a prefix, those to which the label adds one: if it is the last again, after a blank."""
        if self.node[self.beam[place].node].label == label:
            return self.beam[place].blank
        return self.beam[place].all

    cdef void offer(self, Prefix candidate) noexcept nogil:
        """Keeps the candidate if it is among the best so far."""
        cdef Py_ssize_t at, child
        if self.found < self.width:
            at = self.found
            self.found += 1
            while at > 0 and worse(&candidate, &self.heap[(at - 1) // 2]):
                self.heap[at] = self.heap[(at - 1) // 2]
                at = (at - 1) // 2
        elif worse(&candidate, &self.heap[0]):
            return
        else:
            at = 0
            while True:
                child = 2 * at + 1
                if child + 1 < self.found and worse(&self.heap[child + 1], &self.heap[child]):
                    child += 1
                if child >= self.found or worse(&candidate, &self.heap[child]):
                    break
                self.heap[at] = self.heap[child]
                at = child
        self.heap[at] = candidate

    cdef void replace(self) noexcept nogil:
        """Makes the candidates the beam."""
        cdef Py_ssize_t i
        cdef Prefix *candidate
        for i in range(self.found):
            candidate = &self.heap[i]
            candidate.node = self.beam[candidate.parent].node
            if candidate.label != NONE:
                candidate.node = self.add_node(candidate.node, candidate.label)
        for i in range(self.present):
            self.node[self.beam[i].node].place = NONE
        self.beam, self.heap, self.present = self.heap, self.beam, self.found
        for i in range(self.present):
            self.node[self.beam[i].node].place = i


cdef void *checked(void *memory) except NULL:
    """Memory that was allocated. Raises MemoryError for none."""
    if memory == NULL:
        raise MemoryError
    return memory
